// SPDX-License-Identifier: MIT
// What happens to tiles a lane did not deliver: once more on the same lane, then on the others,
// then matmul/reference. Every way ends in the same bits.
#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "matmul/panel.hpp"

namespace rosenblatt::matmul {
namespace {

/// A hanging job costs 500 ms. After this much of a repair no lane is asked again, so that a caller
/// waits for the first hang and two more at most.
constexpr std::chrono::milliseconds k_patience{900};

}  // namespace

void Panel::repair(std::vector<TileRef> failed) {
    using Clock = LoopMeter::Clock;
    const auto begun = Clock::now();
    const auto impatient = [begun] { return Clock::now() - begun > k_patience; };
    const auto lanes = static_cast<uint32_t>(device_.lanes.size());
    mend_blocks(failed);

    for (uint32_t lane = 0; lane < lanes; ++lane) {
        std::vector<TileRef> own;
        std::copy_if(failed.begin(), failed.end(), std::back_inserter(own),
                     [&](const TileRef& ref) { return tile(ref).lane == lane; });
        if (!own.empty() && usable(lane) && !impatient()) failed = run_again(own, lane);
    }
    for (uint32_t lane = 0; lane < lanes && !failed.empty(); ++lane) {
        std::vector<TileRef> guests;
        std::copy_if(failed.begin(), failed.end(), std::back_inserter(guests),
                     [&](const TileRef& ref) { return tile(ref).lane != lane; });
        if (!guests.empty() && usable(lane) && !impatient()) failed = run_again(guests, lane);
    }
    for (const TileRef& ref : failed) {
        Operand& operand = operands_[ref.operand];
        operand.saved[ref.tile] = reference_cube(ref, parallel_for_);
        operand.cubes[ref.tile] = operand.saved[ref.tile].data();
    }
    device_.stats.checksum.cpu_fallback += failed.size();
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

/// Gives the tiles that are missing afterwards, of all lanes.
std::vector<TileRef> Panel::run_again(std::span<const TileRef> tiles, uint32_t lane) {
    LaneRun run;
    run.lane = lane;
    run.fresh_streams = true;
    if (place(run, tiles) && borrow(run)) {
        device_.stats.checksum.retried += tiles.size();
        const bool good = quantise(std::span(&run, 1), false) == Outcome::Done;
        if (good) start(run);
        finish(run);
    }
    runs_.push_back(std::move(run));
    return unproved(std::span(&runs_.back(), 1), Sums::Now);
}

bool Panel::place(LaneRun& run, std::span<const TileRef> tiles) {
    uint64_t c_offset = 0;
    for (const TileRef& ref : tiles) {
        const compile::Tile& t = tile(ref);
        run.tiles.push_back({ref, operands_[ref.operand].weights->block_iova(t.block), c_offset});
        c_offset += uint64_t{t.m} * t.n * compile::k_output_bytes;
        // One job per tile: how long a job of these may be was planned for another order.
        run.job_ends.push_back(static_cast<uint32_t>(run.tiles.size()));
    }
    const bool home = tile(tiles.front()).lane == run.lane;
    return home || copy_guest_weights(run);
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
