// SPDX-License-Identifier: MIT
// A matmul or a whole prefill, planned and rated: what `rosenblatt plan` shows.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "cli/model_shape.hpp"
#include "compile/plan.hpp"

namespace rosenblatt::cli {

struct PlanSettings {
    compile::NumberType type = compile::NumberType::Int8;
    npu::Machine machine;
    compile::Layout layout = compile::Layout::Native;
    bool raw = false;  ///< bare_plan on one core, NPU time only
};

/// What the slowest lane would take if each were the only cost; the largest is the plan's bound.
struct Costs {
    double mac_ns = 0;
    double dma_ns = 0;
    double dispatch_ns = 0;

    const char* bound() const;
};

struct PlannedMatmul {
    compile::Plan plan;
    double time_ns = 0;  ///< fitted model; with --raw the NPU alone
    double score_ns = 0;
    double mac_utilisation = 0;
    double npu_ns = 0;    ///< the slowest lane's kicks and tasks
    double lanes_ns = 0;  ///< those of all lanes together
    uint64_t least_dma_bytes = 0;
    uint64_t packed_bytes = 0;
    Costs costs;
};

/// Share of the slowest lane's time that all lanes work.
double lanes_busy(double lanes_ns, double npu_ns, const npu::Machine& machine);

Result<PlannedMatmul> plan_matmul(const compile::MatmulShape& shape, const PlanSettings& settings);

struct PlannedModel {
    ModelShape model;
    PlanSettings settings;
    std::vector<PlannedMatmul> matmuls;  ///< one per model.matmuls
    // Sums over a prefill.
    double macs = 0;
    uint64_t tasks = 0, submits = 0;
    double time_ns = 0, score_ns = 0, mac_utilisation = 0;
    double npu_ns = 0, lanes_ns = 0;
    uint64_t dma_bytes = 0, least_dma_bytes = 0;
    Costs costs;
    // Expectations, under the assumptions of docs/tile-size.md.
    double host_ns = 0;     ///< packing and unpacking
    double cpu_ops_ns = 0;  ///< attention, norms and the rest of the graph
    uint64_t packed_bytes = 0;
    double load_ns = 0;

    double tokens_per_second() const;
    uint64_t ram_bytes() const { return packed_bytes + model.file_bytes; }
};

Result<PlannedModel> plan_model(ModelShape model, const PlanSettings& settings);

}  // namespace rosenblatt::cli
