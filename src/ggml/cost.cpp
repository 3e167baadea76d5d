// SPDX-License-Identifier: MIT
#include "ggml/cost.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <vector>

#include "compile/planner.hpp"
#include "compile/tiling.hpp"
#include "ggml/cpu_shadow.hpp"
#include "matmul/dispatch.hpp"
#include "matmul/shape_plan.hpp"
#include "quant/row_format.hpp"

namespace rosenblatt::ggml {
namespace {

constexpr double k_never = std::numeric_limits<double>::infinity();
/// More rows are computed in panels of as many, and a plan for all of them would take long to find.
constexpr int64_t k_planned_rows = 2048;
constexpr int64_t k_probe_k = 2048;  // a multiple of every block size
constexpr int64_t k_probe_n = 512;
constexpr int64_t k_probe_m = 32;
constexpr int k_probe_runs = 12;

// Best of several runs of W[n][k] * X[m][k] on zeros, in ns: the kernels' time does not depend on
// values, but a busy machine makes most runs too long.
double time_mul_mat(ggml_type type, int64_t m, CpuDelegate& cpu) {
    const size_t data = ggml_row_size(type, k_probe_k) * k_probe_n +
                        sizeof(float) * static_cast<size_t>(m * (k_probe_k + k_probe_n));
    const ggml_init_params memory{
        data + 8 * ggml_tensor_overhead() + ggml_graph_overhead_custom(4, false) + 4096, nullptr,
        false};
    ggml_context* context = ggml_init(memory);
    if (!context) return 0;
    ggml_tensor* w = ggml_new_tensor_2d(context, type, k_probe_k, k_probe_n);
    ggml_tensor* x = ggml_new_tensor_2d(context, GGML_TYPE_F32, k_probe_k, m);
    ggml_set_zero(w);
    ggml_set_zero(x);
    const auto shadow = Shadow::make(*w);
    ggml_cgraph* graph = ggml_new_graph_custom(context, 4, false);
    ggml_build_forward_expand(graph, ggml_mul_mat(context, shadow ? shadow->tensor() : w, x));
    double best = k_never;
    for (int run = 0; run < k_probe_runs; ++run) {
        const auto start = std::chrono::steady_clock::now();
        cpu.compute(*graph, 0, graph->n_nodes);
        const std::chrono::duration<double, std::nano> time =
            std::chrono::steady_clock::now() - start;
        best = std::min(best, time.count());
    }
    ggml_free(context);
    return best;
}

}  // namespace

CpuRate measure_cpu(ggml_type type, CpuDelegate& cpu) {
    const double weights = static_cast<double>(k_probe_k * k_probe_n);
    const double one = time_mul_mat(type, 1, cpu);
    const double many = time_mul_mat(type, k_probe_m, cpu);
    return {one / weights,
            std::max(0.0, many - one) / static_cast<double>(k_probe_m - 1) / weights};
}

CpuRate board_cpu(ggml_type type) {
    const double bytes =
        static_cast<double>(ggml_type_size(type)) / static_cast<double>(ggml_blck_size(type));
    return {std::max(bytes / matmul::k_board_cpu_bytes_per_ns, 1 / matmul::k_board_cpu_macs_per_ns),
            1 / matmul::k_board_cpu_macs_per_ns};
}

CpuRate Cost::rate_of(ggml_type type, CpuDelegate& cpu) {
    if (emulated_) return board_cpu(type);
    auto rate = rates_.find(type, cpu.threads());
    if (!rate) {
        rate = measure_cpu(type, cpu);
        rates_.add(type, cpu.threads(), *rate);
    }
    return *rate;
}

double Cost::gain_ns(const MulMatShape& shape, ggml_type type, CpuDelegate& cpu) {
    std::lock_guard lock(mutex_);
    return matmul::gain_ns(shape.m, rate_of(type, cpu).ns(shape), npu_ns(shape));
}

// Planned NPU time and the host's share, writing the cubes and reading them back.
double Cost::npu_ns(const MulMatShape& shape) {
    constexpr int64_t k_most = std::numeric_limits<int32_t>::max();
    if (shape.k > k_most || shape.n > k_most) return k_never;
    const int64_t rows = matmul::npu_rows(shape.m);
    const int64_t planned = std::min(rows, k_planned_rows);
    const double npu = plan_ns(static_cast<uint32_t>(planned), static_cast<uint32_t>(shape.k),
                               static_cast<uint32_t>(shape.n)) *
                       static_cast<double>(rows) / static_cast<double>(planned);
    const double host =
        matmul::host_ns(static_cast<double>(shape.m), static_cast<double>(shape.k),
                        static_cast<double>(shape.n), machine_.lanes);
    return static_cast<double>(shape.matrices) * (npu + host);
}

double Cost::plan_ns(uint32_t m, uint32_t k, uint32_t n) {
    const auto [known, first] = plans_.try_emplace({m, k, n}, k_never);
    if (!first) return known->second;
    auto tiling = tilings_.find({k, n});
    if (tiling == tilings_.end()) {
        compile::TilingRequest request;
        request.k = k;
        request.n = n;
        request.lanes = machine_.lanes;
        request.limits = matmul::DeviceOptions{}.limits;
        request.type = matmul::number_type(pipeline_);
        const auto format = quant::row_format(pipeline_, k);
        for (int64_t s = 0; s < format.slices(); ++s)
            request.slice_ends.push_back(static_cast<uint32_t>(format.slice_end(s)));
        auto found = compile::tiling_for(request);
        if (!found) return k_never;
        tiling = tilings_.emplace(std::pair{k, n}, std::move(*found)).first;
    }
    const auto plan = compile::make_plan(m, tiling->second, {.machine = machine_});
    if (plan) known->second = plan->time_ns;
    return known->second;
}

}  // namespace rosenblatt::ggml
