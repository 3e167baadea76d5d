// SPDX-License-Identifier: MIT
#include "ggml/cpu_delegate.hpp"

#include <algorithm>

namespace rosenblatt::ggml {
namespace {

// A function of the CPU backend's module, by the name under which its registry entry knows it.
template <typename Function>
Function cpu_function(const char* name) {
    ggml_backend_reg_t reg = ggml_backend_dev_backend_reg(cpu_device());
    return reinterpret_cast<Function>(ggml_backend_reg_get_proc_address(reg, name));
}

}  // namespace

ggml_backend_dev_t cpu_device() {
    return ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
}

Result<std::unique_ptr<CpuDelegate>> CpuDelegate::create() {
    ggml_backend_dev_t device = cpu_device();
    if (!device)
        return Error{0,
                     "ggml's CPU backend is not loaded, and rocket leaves it what the NPU cannot "
                     "do; install libggml-cpu beside libggml."};
    ggml_backend_t backend = ggml_backend_dev_init(device, nullptr);
    if (!backend) return Error{0, "ggml's CPU backend did not start."};
    const ggml_init_params memory{4 * ggml_tensor_overhead() + ggml_graph_overhead_custom(1, false),
                                  nullptr, true};
    ggml_context* context = ggml_init(memory);
    if (!context) {
        ggml_backend_free(backend);
        return Error{0, "no memory for ggml's CPU backend."};
    }
    return std::unique_ptr<CpuDelegate>(new CpuDelegate(backend, context));
}

CpuDelegate::CpuDelegate(ggml_backend_t backend, ggml_context* context)
    : backend_(backend), context_(context), loop_graph_(ggml_new_graph_custom(context, 1, false)) {
    ggml_tensor* node = ggml_custom_4d(context_, GGML_TYPE_F32, 1, 1, 1, 1, nullptr, 0, run_piece,
                                       GGML_N_TASKS_MAX, &loop_);
    ggml_build_forward_expand(loop_graph_, node);
}

CpuDelegate::~CpuDelegate() {
    ggml_free(context_);
    ggml_backend_free(backend_);
}

void CpuDelegate::set_threads(int count) {
    threads_ = std::max(1, count);
    const auto set = cpu_function<ggml_backend_set_n_threads_t>("ggml_backend_set_n_threads");
    if (set) set(backend_, threads_);
}

void CpuDelegate::set_abort_callback(ggml_abort_callback callback, void* data) {
    abort_ = callback;
    abort_data_ = data;
    const auto set =
        cpu_function<ggml_backend_set_abort_callback_t>("ggml_backend_set_abort_callback");
    if (set) set(backend_, callback, data);
}

void CpuDelegate::set_threadpool(ggml_threadpool_t pool) {
    const auto set = cpu_function<void (*)(ggml_backend_t, ggml_threadpool_t)>(
        "ggml_backend_cpu_set_threadpool");
    if (set) set(backend_, pool);
}

ggml_status CpuDelegate::compute(const ggml_cgraph& graph, int begin, int end) {
    ggml_cgraph part = api::view(graph, begin, end);
    return ggml_backend_graph_compute(backend_, &part);
}

void CpuDelegate::run_piece(ggml_tensor*, int thread, int threads, void* userdata) {
    const Loop& loop = *static_cast<const Loop*>(userdata);
    const int64_t begin = loop.count * thread / threads;
    const int64_t end = loop.count * (thread + 1) / threads;
    if (begin < end) (*loop.body)(begin, end);
}

void CpuDelegate::parallel_for(int64_t count, const matmul::LoopBody& body) {
    if (threads_ == 1 || count <= 1) return matmul::run_serial(count, body);
    loop_ = {count, &body};
    // The abort callback can end this graph early, but never between the pieces of its one node.
    if (ggml_backend_graph_compute(backend_, loop_graph_) == GGML_STATUS_ALLOC_FAILED)
        matmul::run_serial(count, body);
}

}  // namespace rosenblatt::ggml
