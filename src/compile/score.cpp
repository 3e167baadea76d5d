// SPDX-License-Identifier: MIT
// Scoring model v1, word for word.
#include "compile/score.hpp"

#include <algorithm>

#include "base/bits.hpp"

namespace rosenblatt::compile {
namespace {

constexpr double k_core_bandwidth = 11.1;  // bytes per ns
constexpr double k_lpddr5 = 26.6;
constexpr double k_lpddr4x = 21;
constexpr double k_task_ns = 30'000;
constexpr double k_submit_ns = 54'000;
constexpr double k_row_major = 1.2;

double bandwidth(const npu::Machine& machine) {
    const double dram = machine.board == Board::Lpddr5 ? k_lpddr5 : k_lpddr4x;
    return std::min(k_core_bandwidth, dram / std::max(1U, machine.lanes));
}

uint64_t weights(const Tile& tile, NumberType type) {
    return tile.weight_reuse ? 0 : weight_bytes(type, tile.k, tile.n);
}

uint64_t features(const Tile& tile, NumberType type) {
    return tile.data_reuse ? 0 : uint64_t{tile.m} * tile.k * element_bytes(type);
}

uint64_t output(const Tile& tile) {
    return uint64_t{tile.m} * tile.n * k_output_bytes;
}

double task_ns(const Tile& tile, NumberType type, const npu::Machine& machine) {
    const auto cycles = uint64_t{rows_on_npu(type, tile.m)} * div_round_up(tile.k, k_unit) *
                        div_round_up(tile.n, kernels_per_group(type));
    const double a = tile.layout_a == Layout::RowMajor ? k_row_major : 1;
    const double c = tile.layout_c == Layout::RowMajor ? k_row_major : 1;
    const double bytes = static_cast<double>(weights(tile, type)) +
                         a * static_cast<double>(features(tile, type)) +
                         c * static_cast<double>(output(tile));
    const double mac = static_cast<double>(cycles) * 1000 / machine.clock_mhz;
    return std::max(mac, bytes / bandwidth(machine)) + k_task_ns;
}

}  // namespace

uint64_t dma_bytes(const Tile& tile, NumberType type) {
    return weights(tile, type) + features(tile, type) + output(tile);
}

double score_ns(const Plan& plan) {
    double slowest = 0;
    for (uint32_t lane = 0; lane < plan.conditions.machine.lanes; ++lane) {
        double lane_ns = 0;
        for (const Job& job : plan.jobs)
            if (job.lane == lane) lane_ns += k_submit_ns;
        for (const Tile& tile : plan.tiles)
            if (tile.lane == lane) lane_ns += task_ns(tile, plan.type, plan.conditions.machine);
        slowest = std::max(slowest, lane_ns);
    }
    return slowest;
}

double mac_utilisation(const Plan& plan) {
    const double macs = static_cast<double>(plan.shape.m) * plan.shape.k * plan.shape.n;
    const double per_cycle = 32.0 * kernels_per_group(plan.type) / rows_on_npu(plan.type, 1) *
                             plan.conditions.machine.lanes;
    return macs / (per_cycle * plan.conditions.machine.clock_mhz / 1000 * score_ns(plan));
}

}  // namespace rosenblatt::compile
