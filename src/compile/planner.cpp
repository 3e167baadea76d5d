// SPDX-License-Identifier: MIT
// The search over row ranges and orders; everything else of a plan follows from the tiling.
#include "compile/planner.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/bits.hpp"
#include "compile/score.hpp"
#include "npu/cube.hpp"

namespace rosenblatt::compile {
namespace {

/// Beyond that a plan takes seconds and gigabytes; 2048 rows of the largest heads come to some 5000.
constexpr uint64_t k_most_tiles = 65536;

/// Row ranges tried beyond the fewest possible.
constexpr uint32_t extra_ranges(Effort effort) {
    return effort == Effort::Full ? 4 : 1;
}

/// One lane's (block, rows) pairs; the inner loop turns at its ends, so that what is in the CBUF
/// there serves twice.
std::vector<Tile> order_tiles(const WeightTiling& tiling, uint32_t lane,
                              const std::vector<Rows>& ranges, Order order) {
    std::vector<uint32_t> blocks;
    for (uint32_t i = 0; i < tiling.blocks.size(); ++i)
        if (tiling.blocks[i].lane == lane) blocks.push_back(i);
    const size_t outer = order == Order::RowsFirst ? ranges.size() : blocks.size();
    const size_t inner = order == Order::RowsFirst ? blocks.size() : ranges.size();
    std::vector<Tile> tiles;
    for (size_t o = 0; o < outer; ++o) {
        for (size_t step = 0; step < inner; ++step) {
            const size_t i = o % 2 == 0 ? step : inner - 1 - step;
            const uint32_t index = blocks[order == Order::RowsFirst ? i : o];
            const Rows& rows = ranges[order == Order::RowsFirst ? o : i];
            const WeightBlock& block = tiling.blocks[index];
            tiles.push_back({.lane = lane,
                             .block = index,
                             .m0 = rows.m0,
                             .m = rows.m,
                             .k0 = block.k0,
                             .k = block.k,
                             .n0 = block.n0,
                             .n = block.n});
        }
    }
    return tiles;
}

void mark_reuse(Tile& tile, const Tile& before, NumberType type, const Limits& limits) {
    if (tile.data_banks != before.data_banks) return;
    const uint64_t weights = weight_bytes(type, tile.k, tile.n);
    tile.weight_reuse =
        tile.block == before.block && weights <= uint64_t{tile.weight_banks} * limits.bank_bytes;
    tile.data_reuse = tile.m0 == before.m0 && tile.k0 == before.k0 && tile.k == before.k;
}

/// A lane's features of one row range: each of its K ranges once, however many blocks share it.
uint64_t feature_bytes_per_row(const WeightTiling& tiling, uint32_t lane) {
    std::set<uint32_t> seen;
    uint64_t bytes = 0;
    for (const WeightBlock& block : tiling.blocks)
        if (block.lane == lane && seen.insert(block.k0).second)
            bytes += uint64_t{block.k} * element_bytes(tiling.request.type);
    return bytes;
}

/// Data banks of all a block's tasks: their reuse of each other's operands wants one bank split.
uint32_t common_data_banks(const std::vector<Rows>& ranges, uint32_t k, NumberType type,
                           const Limits& limits, Layout features) {
    uint32_t banks = 0;
    for (const Rows& rows : ranges)
        banks = std::max(banks, data_banks(rows.m, k, type, limits, features));
    return banks;
}

/// Appends one lane's tiles and jobs to `plan`.
void add_tiles(Plan& plan, const WeightTiling& tiling, uint32_t lane, Order order) {
    const Limits& limits = tiling.request.limits;
    npu::Machine job_machine = plan.conditions.machine;
    if (plan.conditions.job_clock_mhz > 0) job_machine.clock_mhz = plan.conditions.job_clock_mhz;
    std::map<uint32_t, uint32_t> banks_of_k;  // each asks every row range
    double job_ns = 0;
    for (Tile& tile : order_tiles(tiling, lane, plan.row_ranges, order)) {
        tile.layout_a = plan.conditions.layout_a;
        tile.layout_c = plan.conditions.layout_c;
        const auto [banks, first] = banks_of_k.try_emplace(tile.k, 0);
        if (first)
            banks->second =
                common_data_banks(plan.row_ranges, tile.k, plan.type, limits, tile.layout_a);
        tile.data_banks = banks->second;
        tile.weight_banks = limits.cbuf_banks - tile.data_banks;
        const double alone = npu::task_ns(task_work(tile, plan.type, limits), job_machine);
        const bool same_lane = !plan.jobs.empty() && plan.jobs.back().lane == lane;
        if (!same_lane || job_ns + alone > limits.max_job_ns) {
            plan.jobs.push_back({.lane = lane, .first = static_cast<uint32_t>(plan.tiles.size())});
            job_ns = 0;
        } else {
            mark_reuse(tile, plan.tiles.back(), plan.type, limits);
        }
        const npu::TaskWork work = task_work(tile, plan.type, limits);
        job_ns += npu::task_ns(work, job_machine);
        plan.jobs.back().count += 1;
        plan.jobs.back().modelled_ns += npu::task_ns(work, plan.conditions.machine);
        plan.dma_bytes += dma_bytes(tile, plan.type);
        plan.tiles.push_back(tile);
    }
}

/// Adds what a lane costs as a whole, once its tiles and jobs are known.
void add_lane_time(Plan& plan, const WeightTiling& tiling, uint32_t lane) {
    double npu_ns = 0;
    double submits = 0;
    for (const Job& job : plan.jobs) {
        if (job.lane != lane) continue;
        npu_ns += job.modelled_ns;
        submits += 1;
    }
    uint64_t bytes = feature_bytes_per_row(tiling, lane) * plan.shape.m;
    for (const WeightBlock& block : tiling.blocks)
        if (block.lane == lane) bytes += uint64_t{k_output_bytes} * plan.shape.m * block.n;
    plan.host_bytes += bytes;
    plan.npu_ns = std::max(plan.npu_ns, npu_ns);
    plan.time_ns = std::max(plan.time_ns,
                            npu_ns + submits * npu::submit_ns() + npu::cache_maintenance_ns(bytes));
}

bool better(const Plan& a, const Plan& b) {
    if (a.time_ns != b.time_ns) return a.time_ns < b.time_ns;
    return a.tiles.size() < b.tiles.size();
}

}  // namespace

std::vector<Rows> cut_rows(uint32_t m, uint32_t count, uint32_t most, uint32_t quantum) {
    const uint32_t even = div_round_up(m, count);
    uint32_t size = align_up(even, quantum);
    while (size > most && quantum > 1) size = align_up(even, quantum /= 2);
    size = std::min(size, most);
    std::vector<Rows> ranges;
    for (uint32_t m0 = 0; m0 < m; m0 += size) ranges.push_back({m0, std::min(size, m - m0)});
    return ranges;
}

std::vector<std::vector<Rows>> row_cuts(uint32_t m, uint32_t count, const WeightTiling& tiling,
                                        Layout features, Effort effort) {
    const uint32_t most = most_rows(tiling);
    std::vector<std::vector<Rows>> cuts;
    for (const uint32_t quantum : {16U, 4U, 1U}) {
        if (effort == Effort::Quick && !cuts.empty()) break;
        std::vector<Rows> ranges = cut_rows(m, count, most, quantum);
        const bool known = !cuts.empty() && cuts.back().front().m == ranges.front().m;
        if (!known && fits(tiling, ranges, features)) cuts.push_back(std::move(ranges));
    }
    return cuts;
}

bool fits(const WeightTiling& tiling, const std::vector<Rows>& ranges, Layout features) {
    const NumberType type = tiling.request.type;
    const Limits& limits = tiling.request.limits;
    for (const WeightBlock& block : tiling.blocks) {
        const uint32_t banks = common_data_banks(ranges, block.k, type, limits, features);
        if (banks > limits.max_data_banks || banks >= limits.cbuf_banks) return false;
        const uint64_t room = uint64_t{limits.cbuf_banks - banks} * limits.bank_bytes;
        if (room < weight_bytes(type, block.k, kernels_per_group(type))) return false;
    }
    return true;
}

Plan build_plan(const WeightTiling& tiling, const Conditions& conditions,
                const std::vector<Rows>& ranges, Order order) {
    Plan plan;
    plan.shape = {ranges.back().m0 + ranges.back().m, tiling.request.k, tiling.request.n};
    plan.type = tiling.request.type;
    plan.conditions = conditions;
    plan.conditions.machine.lanes = tiling.request.lanes;
    plan.row_ranges = ranges;
    for (uint32_t lane = 0; lane < tiling.request.lanes; ++lane) {
        add_tiles(plan, tiling, lane, order);
        add_lane_time(plan, tiling, lane);
    }
    return plan;
}

uint32_t data_banks(uint32_t rows, uint32_t k, NumberType type, const Limits& limits,
                    Layout features) {
    const uint32_t on_npu = rows_on_npu(type, rows);
    const uint32_t width = features == Layout::Native ? npu::map_width(on_npu) : 1;
    const uint64_t line = npu::cbuf_row_bytes(width * npu_row_bytes(type, k));
    return static_cast<uint32_t>(
        div_round_up(line * (on_npu / width), uint64_t{limits.bank_bytes}));
}

uint32_t most_rows(uint32_t k, NumberType type, const Limits& limits) {
    const uint64_t group = weight_bytes(type, k, kernels_per_group(type));
    const auto other_banks = static_cast<uint32_t>(div_round_up<uint64_t>(group, limits.bank_bytes));
    if (other_banks >= limits.cbuf_banks) return 0;
    const uint32_t banks = std::min(limits.max_data_banks, limits.cbuf_banks - other_banks);
    const uint64_t bytes = uint64_t{banks} * limits.bank_bytes;
    const uint64_t row = uint64_t{k} * element_bytes(type);
    const uint64_t in_pairs = bytes / (2 * row) * 2;  // even widths end on a CBUF entry
    const uint64_t one_by_one = bytes / npu::cbuf_row_bytes(row);
    const uint32_t by_height = limits.max_m / rows_on_npu(type, 1);
    return static_cast<uint32_t>(std::min<uint64_t>(by_height, std::max(in_pairs, one_by_one)));
}

uint32_t most_rows(const WeightTiling& tiling) {
    uint32_t most = tiling.request.limits.max_m;
    for (const WeightBlock& block : tiling.blocks)
        most = std::min(most, most_rows(block.k, tiling.request.type, tiling.request.limits));
    return most;
}

npu::TaskWork task_work(const Tile& tile, NumberType type, const Limits& limits) {
    const uint32_t rows = rows_on_npu(type, tile.m);
    const uint32_t width = npu::map_width(rows);
    const uint64_t run = npu::folded_strides(width, rows).run_bytes(rows / width, 1);
    return {.rows = rows,
            .tiles = div_round_up(tile.k, k_unit),
            .groups = div_round_up(tile.n, kernels_per_group(type)),
            .weight_bytes = tile.weight_reuse ? 0 : weight_bytes(type, tile.k, tile.n),
            .weight_capacity = uint64_t{tile.weight_banks} * limits.bank_bytes,
            .feature_bytes = tile.data_reuse ? 0 : rows * npu_row_bytes(type, tile.k),
            .output_bytes = uint64_t{k_output_bytes} * tile.m * tile.n,
            .features = tile.layout_a,
            .output = tile.layout_c,
            .feature_run = run};
}

Result<Plan> make_plan(uint32_t m, const WeightTiling& tiling, const Conditions& conditions,
                       Effort effort) {
    if (m == 0) return Error{EINVAL, "a matmul of 0 rows has no plan"};
    const uint32_t most = most_rows(tiling);
    if (most == 0)
        return Error{EINVAL,
                     "a block of the weights leaves no CBUF bank for the features: cut K finer"};
    const uint32_t fewest = div_round_up(m, most);
    const uint64_t tiles = uint64_t{fewest} * tiling.blocks.size();
    if (tiles > k_most_tiles)
        return Error{EINVAL, "a matmul of " + std::to_string(m) + " rows would be " +
                                 std::to_string(tiles) + " tiles, at most " +
                                 std::to_string(k_most_tiles) +
                                 " are planned at once: take fewer rows"};
    Plan best;
    for (uint32_t count = fewest; count <= m; ++count) {
        if (count > fewest + extra_ranges(effort) && !best.tiles.empty()) break;
        for (const std::vector<Rows>& ranges :
             row_cuts(m, count, tiling, conditions.layout_a, effort)) {
            for (const Order order : {Order::RowsFirst, Order::BlocksFirst}) {
                Plan plan = build_plan(tiling, conditions, ranges, order);
                if (best.tiles.empty() || better(plan, best)) best = std::move(plan);
            }
        }
    }
    return best;
}

PlanCache::PlanCache(WeightTiling tiling, Conditions conditions)
    : tiling_(std::move(tiling)), conditions_(conditions) {}

Result<std::shared_ptr<const Plan>> PlanCache::plan(uint32_t m) {
    const std::scoped_lock lock(mutex_);
    if (const auto found = plans_.find(m); found != plans_.end()) return found->second;
    Result<Plan> made = make_plan(m, tiling_, conditions_);
    if (!made) return made.error();
    return plans_[m] = std::make_shared<const Plan>(std::move(made.value()));
}

}  // namespace rosenblatt::compile
