// SPDX-License-Identifier: MIT
// Asks the planner, rates its plan three ways (fitted model, scoring model, fewest bytes), sums
// models.
#include "cli/planned.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/bits.hpp"
#include "compile/planner.hpp"
#include "compile/score.hpp"
#include "compile/search.hpp"
#include "compile/tiling.hpp"
#include "quant/row_format.hpp"

namespace rosenblatt::cli {
namespace {

/// A plan of more tasks than this is no use to anyone, and takes seconds to find.
constexpr uint64_t k_most_tasks = 20'000;

// What the CPU does beside the NPU. Assumed until measured on a board (docs/tile-size.md).
constexpr double k_host_bandwidth = 15;         // bytes per ns, packing and unpacking, all threads
constexpr double k_attention_macs_per_ns = 40;  // four A76
constexpr double k_rest_of_graph = 1.3;  // norms, rope, activations: as a factor on attention
constexpr double k_load_bandwidth = 1;   // bytes of packed int8 per ns

compile::TilingRequest tiling_request(const compile::MatmulShape& shape,
                                      const PlanSettings& settings) {
    compile::TilingRequest request;
    request.k = shape.k;
    request.n = shape.n;
    request.type = settings.type;
    request.lanes = settings.machine.lanes;
    const quant::RowFormat format = quant::row_format(Pipeline::W8A8H, shape.k);
    for (int64_t s = 0; s < format.slices(); ++s)
        request.slice_ends.push_back(static_cast<uint32_t>(format.slice_end(s)));
    return request;
}

Result<compile::Plan> make(const compile::MatmulShape& shape, const PlanSettings& settings) {
    const compile::Conditions conditions{
        .machine = settings.machine, .layout_a = settings.layout, .layout_c = settings.layout};
    if (settings.raw) return compile::bare_plan(shape, settings.type, conditions);
    const auto tiling = compile::tiling_for(tiling_request(shape, settings));
    if (!tiling) return tiling.error();
    return compile::make_plan(shape.m, *tiling, conditions);
}

/// The lane that takes longest, by each cost alone.
Costs costs_of(const compile::Plan& plan) {
    Costs worst;
    for (uint32_t lane = 0; lane < plan.conditions.machine.lanes; ++lane) {
        Costs costs;
        for (const compile::Tile& tile : plan.tiles) {
            if (tile.lane != lane) continue;
            const auto time =
                npu::task_time(compile::task_work(tile, plan.type, {}), plan.conditions.machine);
            costs.mac_ns += time.mac;
            costs.dma_ns += time.dma;
            costs.dispatch_ns += time.kick;
        }
        for (const compile::Job& job : plan.jobs)
            if (job.lane == lane) costs.dispatch_ns += npu::submit_ns();
        worst.mac_ns = std::max(worst.mac_ns, costs.mac_ns);
        worst.dma_ns = std::max(worst.dma_ns, costs.dma_ns);
        worst.dispatch_ns = std::max(worst.dispatch_ns, costs.dispatch_ns);
    }
    return worst;
}

/// Bytes the host reads and writes around a matmul: X in, cubes out, C in, Y out.
double host_bytes(const compile::Plan& plan) {
    const double x = 4.0 * plan.shape.m * plan.shape.k;
    const double y = 4.0 * plan.shape.m * plan.shape.n;
    return static_cast<double>(plan.host_bytes) + x + y;
}

void add(PlannedModel& sum, const ModelMatmul& matmul, const PlannedMatmul& planned) {
    const double count = matmul.count;
    const auto& shape = matmul.shape;
    sum.macs += count * shape.m * shape.k * shape.n;
    sum.tasks += matmul.count * planned.plan.tiles.size();
    sum.submits += matmul.count * planned.plan.jobs.size();
    sum.time_ns += count * planned.time_ns;
    sum.score_ns += count * planned.score_ns;
    sum.npu_ns += count * planned.npu_ns;
    sum.lanes_ns += count * planned.lanes_ns;
    sum.dma_bytes += matmul.count * planned.plan.dma_bytes;
    sum.least_dma_bytes += matmul.count * planned.least_dma_bytes;
    sum.costs.mac_ns += count * planned.costs.mac_ns;
    sum.costs.dma_ns += count * planned.costs.dma_ns;
    sum.costs.dispatch_ns += count * planned.costs.dispatch_ns;
    sum.host_ns += count * host_bytes(planned.plan) / k_host_bandwidth;
    sum.packed_bytes += matmul.tensors * planned.packed_bytes;
}

}  // namespace

const char* Costs::bound() const {
    if (dispatch_ns >= mac_ns && dispatch_ns >= dma_ns) return "dispatch";
    return mac_ns >= dma_ns ? "mac" : "dma";
}

double lanes_busy(double lanes_ns, double npu_ns, const npu::Machine& machine) {
    return lanes_ns / (machine.lanes * npu_ns);
}

Result<PlannedMatmul> plan_matmul(const compile::MatmulShape& shape, const PlanSettings& settings) {
    const uint64_t tasks = div_round_up<uint64_t>(shape.m, 128) *
                           div_round_up<uint64_t>(shape.k, 1536) *
                           div_round_up<uint64_t>(shape.n, 4096);
    if (tasks > k_most_tasks)
        return Error{EINVAL, "a matmul of about " + std::to_string(tasks) +
                                 " tasks is too large to plan; give a smaller m, k or n"};
    Result<compile::Plan> plan = make(shape, settings);
    if (!plan) return plan.error();
    PlannedMatmul planned;
    planned.plan = std::move(*plan);
    planned.time_ns = settings.raw ? planned.plan.npu_ns : planned.plan.time_ns;
    planned.score_ns = compile::score_ns(planned.plan);
    planned.mac_utilisation = compile::mac_utilisation(planned.plan);
    std::map<uint32_t, double> of_lane;
    for (const compile::Job& job : planned.plan.jobs) of_lane[job.lane] += job.modelled_ns;
    for (const auto& [lane, ns] : of_lane) {
        planned.npu_ns = std::max(planned.npu_ns, ns);
        planned.lanes_ns += ns;
    }
    planned.least_dma_bytes =
        std::min(planned.plan.dma_bytes, compile::least_dma_bytes(shape, settings.type, {}));
    planned.packed_bytes = uint64_t{compile::element_bytes(settings.type)} *
                           align_up(shape.k, compile::k_unit) * align_up(shape.n, compile::k_unit);
    planned.costs = costs_of(planned.plan);
    return planned;
}

double PlannedModel::tokens_per_second() const {
    return model.prefill / ((time_ns + host_ns + cpu_ops_ns) * 1e-9);
}

Result<PlannedModel> plan_model(ModelShape model, const PlanSettings& settings) {
    PlannedModel sum;
    sum.model = std::move(model);
    sum.settings = settings;
    std::map<std::tuple<uint32_t, uint32_t, uint32_t>, PlannedMatmul> known;
    for (const ModelMatmul& matmul : sum.model.matmuls) {
        const auto key = std::tuple(matmul.shape.m, matmul.shape.k, matmul.shape.n);
        if (!known.contains(key)) {
            Result<PlannedMatmul> planned = plan_matmul(matmul.shape, settings);
            if (!planned) return Error{EINVAL, matmul.name + ": " + planned.error().message};
            known[key] = std::move(*planned);
        }
        sum.matmuls.push_back(known[key]);
        add(sum, matmul, sum.matmuls.back());
    }
    const double per_cycle = 32.0 * compile::kernels_per_group(settings.type);
    sum.mac_utilisation = sum.macs / (per_cycle * settings.machine.lanes *
                                      settings.machine.clock_mhz / 1000 * sum.score_ns);
    sum.cpu_ops_ns = k_rest_of_graph * sum.model.attention_macs / k_attention_macs_per_ns;
    sum.load_ns = static_cast<double>(sum.packed_bytes) / k_load_bandwidth;
    return sum;
}

}  // namespace rosenblatt::cli
