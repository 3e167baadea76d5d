// SPDX-License-Identifier: MIT
// What happens to tiles a lane did not deliver: once more on the same lane, all lanes at once, then
// on the others, then matmul/reference. Every way ends in the same bits.
#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "compile/planner.hpp"
#include "matmul/panel.hpp"
#include "npu/timing.hpp"

namespace rosenblatt::matmul {
namespace {

/// A hang costs its callers 500 ms, so that three in a row, with or without a product's end between
/// them, keep whoever waits for several products within 2 s.
constexpr unsigned k_hangs_borne = 3;

}  // namespace

void Panel::repair(std::vector<TileRef> failed) {
    const auto lanes = static_cast<uint32_t>(device_.lanes.size());
    mend_blocks(failed);

    std::vector<LaneRun> retries;
    for (uint32_t lane = 0; lane < lanes; ++lane) add_retry(retries, failed, lane, Home::Here);
    failed = run_again(std::move(retries));
    for (uint32_t lane = 0; lane < lanes && !failed.empty(); ++lane) {
        retries.clear();
        add_retry(retries, failed, lane, Home::Elsewhere);
        failed = run_again(std::move(retries));
    }
    for (const TileRef& ref : failed) {
        Operand& operand = operands_[ref.operand];
        operand.saved[ref.tile] = reference_cube(ref, parallel_for_);
        operand.cubes[ref.tile] = operand.saved[ref.tile].data();
    }
    device_.stats.checksum.cpu_fallback += failed.size();
}

/// Lanes that hung at once are one wait of the caller's. After too many of them it is the device
/// that hangs, whichever lanes have shown it.
void Panel::note_hangs(const std::vector<bool>& lane_hung) {
    if (std::find(lane_hung.begin(), lane_hung.end(), true) == lane_hung.end()) return;
    hung_ = true;
    for (uint32_t lane = 0; lane < lane_hung.size(); ++lane)
        if (lane_hung[lane] && device_.lanes[lane].record_hang(device_.calls))
            device_.stats.lanes_taken_out += 1;
    device_.hangs_in_a_row += 1;
    if (device_.hangs_in_a_row < k_hangs_borne) return;
    device_.hangs_in_a_row = 0;
    for (WorkLane& lane : device_.lanes)
        if (lane.rest_from_hangs(device_.calls)) device_.stats.lanes_taken_out += 1;
}

/// Weights that no longer are what was packed would fail on every lane: write them again.
void Panel::mend_blocks(std::span<const TileRef> tiles) {
    std::set<std::pair<uint32_t, uint32_t>> blocks;
    for (const TileRef& ref : tiles) blocks.insert({ref.operand, tile(ref).block});
    for (const auto& [o, b] : blocks) {
        const Weights::State& weights = *operands_[o].weights;
        if (block_intact(weights, b)) continue;
        rebuild_block(weights, b, weights.block_data(b));
        const uint32_t lane = weights.block(b).lane;
        // A failure shows in the proof of the next run.
        (void)device_.lanes[lane].lane().finish_cpu(weights.buffers[lane].bo());
    }
}

/// Adds a run on `lane` of those of the failed tiles that are at home there, or of the others.
void Panel::add_retry(std::vector<LaneRun>& runs, std::span<const TileRef> failed, uint32_t lane,
                      Home home) {
    if (!device_.lanes[lane].worth_asking_again(device_.calls)) return;
    std::vector<TileRef> tiles;
    std::copy_if(failed.begin(), failed.end(), std::back_inserter(tiles), [&](const TileRef& ref) {
        return (tile(ref).lane == lane) == (home == Home::Here);
    });
    if (tiles.empty()) return;
    LaneRun run;
    run.lane = lane;
    run.fresh_streams = true;
    const bool ready = place(run, tiles) && borrow(run);
    std::vector<LaneRun>& to = ready ? runs : runs_;  // there its buffers wait to be put back
    to.push_back(std::move(run));
}

/// All lanes at once. Gives the tiles that are missing afterwards, of all lanes.
std::vector<TileRef> Panel::run_again(std::vector<LaneRun> retries) {
    const size_t first = runs_.size();
    std::move(retries.begin(), retries.end(), std::back_inserter(runs_));
    const std::span<LaneRun> runs = std::span(runs_).subspan(first);
    const bool good = !runs.empty() && quantise(runs, false) == Outcome::Done;
    for (LaneRun& run : runs) {
        device_.stats.checksum.retried += run.tiles.size();
        if (good) start(run);
    }
    for (LaneRun& run : runs) finish(run);
    return unproved(runs, Sums::Now);
}

bool Panel::place(LaneRun& run, std::span<const TileRef> tiles) {
    uint64_t c_offset = 0;
    double job_ns = 0;
    for (const TileRef& ref : tiles) {
        const compile::Tile& t = tile(ref);
        const double ns = alone_ns(t);
        if (!run.tiles.empty() && job_ns + ns > device_.options.limits.max_job_ns) {
            run.job_ends.push_back(static_cast<uint32_t>(run.tiles.size()));
            job_ns = 0;
        }
        job_ns += ns;
        run.tiles.push_back({ref, operands_[ref.operand].weights->block_iova(t.block), c_offset});
        c_offset += uint64_t{t.m} * t.n * compile::k_output_bytes;
    }
    run.job_ends.push_back(static_cast<uint32_t>(run.tiles.size()));
    const bool home = tile(tiles.front()).lane == run.lane;
    return home || copy_guest_weights(run);
}

/// As long as jobs were planned: the tile as it runs now, at the clock that may be the true one.
double Panel::alone_ns(const compile::Tile& tile) const {
    const compile::Conditions conditions = device_.conditions();
    npu::Machine machine = conditions.machine;
    machine.clock_mhz = conditions.job_clock_mhz;
    compile::Tile alone = tile;
    alone.weight_reuse = alone.data_reuse = false;
    return npu::task_ns(compile::task_work(alone, type(), device_.options.limits), machine);
}

bool Panel::copy_guest_weights(LaneRun& run) {
    std::set<std::pair<uint32_t, uint32_t>> blocks;
    uint64_t bytes = 0;
    const auto size = [this](const compile::Tile& t) {
        return compile::weight_bytes(type(), t.k, t.n);
    };
    for (const Placed& placed : run.tiles)
        if (blocks.insert({placed.ref.operand, tile(placed.ref).block}).second)
            bytes += size(tile(placed.ref));
    auto borrowed = work_lane(run).borrow(bytes);
    if (!borrowed) return false;
    run.guest_weights = std::move(borrowed).value();

    std::map<std::pair<uint32_t, uint32_t>, uint32_t> place_of;
    uint32_t at = 0;
    for (Placed& placed : run.tiles) {
        const compile::Tile& t = tile(placed.ref);
        const auto [known, is_new] = place_of.try_emplace({placed.ref.operand, t.block}, at);
        if (is_new) {
            std::memcpy(run.guest_weights.as<std::byte>() + at,
                        operands_[placed.ref.operand].weights->block_data(t.block), size(t));
            at += static_cast<uint32_t>(size(t));
        }
        placed.weight_iova = run.guest_weights.iova() + known->second;
    }
    return work_lane(run).lane().finish_cpu(run.guest_weights.bo()).ok();
}

}  // namespace rosenblatt::matmul
