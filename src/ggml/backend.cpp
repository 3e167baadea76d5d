// SPDX-License-Identifier: MIT
#include "ggml/backend.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <string>

#include "ggml/cpu_delegate.hpp"
#include "ggml/device.hpp"
#include "ggml/graph.hpp"
#include "ggml/graph_order.hpp"
#include "ggml/log_sink.hpp"
#include "ggml/session.hpp"
#include "ggml/stats_file.hpp"

namespace rosenblatt::ggml {
namespace {

GraphRunner& runner(ggml_backend_t backend) {
    return *static_cast<GraphRunner*>(backend->context);
}

const char* backend_name(ggml_backend_t) {
    return k_device_name;
}

void backend_free(ggml_backend_t backend) {
    delete &runner(backend);
    delete backend;
}

ggml_status backend_graph_compute(ggml_backend_t backend, ggml_cgraph* graph) {
    try {
        return runner(backend).compute(*graph);
    } catch (const std::exception& error) {  // host memory; nothing may be thrown through C
        GGML_LOG_ERROR("rocket: a graph of %d nodes was not computed: %s\n", graph->n_nodes,
                       error.what());
        return GGML_STATUS_ALLOC_FAILED;
    }
}

// The third parameter came within API version 2; it lets a backend lengthen the lives of results,
// which we need not.
template <typename... Parameters>
void backend_graph_optimize(ggml_backend_t, ggml_cgraph* graph, Parameters...) {
    put_matmuls_together(*graph);
}

ggml_guid_t guid() {
    static ggml_guid id = {0x52, 0x6f, 0x73, 0x65, 0x6e, 0x62, 0x6c, 0x61,
                           0x74, 0x74, 0x2d, 0x4e, 0x50, 0x55, 0x2d, 0x30};
    return &id;
}

bool is_ours(ggml_backend_t backend) {
    return backend && ggml_guid_matches(backend->guid, guid());
}

void set_n_threads(ggml_backend_t backend, int count) {
    if (is_ours(backend)) runner(backend).cpu().set_threads(count);
}

void set_abort_callback(ggml_backend_t backend, ggml_abort_callback callback, void* data) {
    if (is_ours(backend)) runner(backend).cpu().set_abort_callback(callback, data);
}

void set_threadpool(ggml_backend_t backend, ggml_threadpool_t pool) {
    if (is_ours(backend)) runner(backend).cpu().set_threadpool(pool);
}

ggml_backend_feature* get_features(ggml_backend_reg_t) {
    static ggml_backend_feature features[] = {{"NPU", "1"}, {nullptr, nullptr}};
    return features;
}

// llama.cpp asks for features when it prints system information, shortly before it loads a model:
// the only time it speaks to a registry entry that has no device.
void* features_function() {
    if (Session::get().npu()) return reinterpret_cast<void*>(get_features);
    Session::get().hint_at_missing_npu();
    return nullptr;
}

/// For programs that measure: GGML_ROCKET_STATS's text as of now, cut off at `size`. Gives its
/// whole length.
size_t statistics(char* buffer, size_t size) {
    Session& session = Session::get();
    const std::string text = stats_json(session.options(), session.npu(), session.counters());
    std::memcpy(buffer, text.data(), std::min(size, text.size()));
    return text.size();
}

}  // namespace

ggml_backend_t make_backend(ggml_backend_dev_t device) {
    auto cpu = CpuDelegate::create();
    if (!cpu) {
        warn_once(cpu.error().message);
        return nullptr;
    }
    ggml_backend_i interface {};
    interface.get_name = backend_name;
    interface.free = backend_free;
    interface.graph_compute = backend_graph_compute;
    interface.graph_optimize = backend_graph_optimize;
    return new ggml_backend{guid(), interface, device, new GraphRunner(std::move(*cpu))};
}

void* backend_function(const char* name) {
    const auto is = [name](const char* wanted) { return std::strcmp(name, wanted) == 0; };
    if (is("ggml_backend_set_n_threads")) return reinterpret_cast<void*>(set_n_threads);
    if (is("ggml_backend_set_abort_callback")) return reinterpret_cast<void*>(set_abort_callback);
    if (is("ggml_backend_cpu_set_threadpool")) return reinterpret_cast<void*>(set_threadpool);
    if (is("ggml_backend_get_features")) return features_function();
    if (is("rosenblatt_statistics")) return reinterpret_cast<void*>(statistics);
    return nullptr;
}

}  // namespace rosenblatt::ggml
