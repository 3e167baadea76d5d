// SPDX-License-Identifier: MIT
// Proving tiles: the poisoned line was written over, the sums match, and if asked for every element
// is the reference's.
#include <algorithm>
#include <mutex>

#include "matmul/checksum.hpp"
#include "matmul/panel.hpp"

namespace rosenblatt::matmul {

/// The tile's task never ended.
bool Panel::untouched(const TileRef& ref, const std::byte* cube) const {
    const compile::Tile& t = tile(ref);
    const size_t bytes = size_t{t.m} * t.n * compile::k_output_bytes;
    return poison_left(reinterpret_cast<const int32_t*>(cube + bytes) - k_poison_words);
}

bool Panel::proved(const TileRef& ref, std::byte* cube, Sums when) const {
    const bool check = device_.options.verify != Verify::Off;
    if (check && untouched(ref, cube)) return false;
    settle(ref, cube);
    if (!check) return true;
    const bool later = when == Sums::WhenUnpacked && sums_when_unpacked();
    if (later && device_.options.verify == Verify::Checksum) return true;
    if (!sums_match(ref, cube)) return false;
    if (device_.options.verify != Verify::Full) return true;
    const std::vector<std::byte> expected = reference_cube(ref, run_serial);
    return std::equal(expected.begin(), expected.end(), cube);
}

void Panel::note_mismatches(std::span<const TileRef> tiles) {
    device_.stats.checksum.mismatch += tiles.size();
    device_.complaints.tiles(tiles.size());
}

void Panel::mend(std::vector<TileRef> wrong) {
    note_mismatches(wrong);
    for (const TileRef& ref : wrong) {
        lane_failed_[tile(ref).lane] = true;
        operands_[ref.operand].cubes[ref.tile] = nullptr;
    }
    repair(std::move(wrong));
}

/// Notes where the results of these runs stand, proved as far as asked; gives the other tiles.
std::vector<TileRef> Panel::unproved(std::span<const LaneRun> runs, Sums sums) {
    std::vector<std::pair<const LaneRun*, const Placed*>> all;
    for (const LaneRun& run : runs)
        for (const Placed& placed : run.tiles)
            if (run.submitted && !run.abandoned) all.emplace_back(&run, &placed);
    std::mutex mutex;
    std::vector<TileRef> wrong;
    std::vector<bool> lane_hung(lane_failed_.size());
    const auto prove = [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const auto& [run, placed] = all[static_cast<size_t>(i)];
            std::byte* cube = run->c.as<std::byte>() + placed->c_offset;
            if (proved(placed->ref, cube, sums)) {
                operands_[placed->ref.operand].cubes[placed->ref.tile] = cube;
            } else {
                const std::lock_guard lock(mutex);
                wrong.push_back(placed->ref);
                lane_failed_[run->lane] = true;
                if (run->overdue && untouched(placed->ref, cube)) lane_hung[run->lane] = true;
            }
        }
    };
    // A look at one line of each tile is not worth waking threads.
    const bool brief = sums == Sums::WhenUnpacked && sums_when_unpacked() &&
                       device_.options.verify != Verify::Full;
    const auto count = static_cast<int64_t>(all.size());
    brief ? run_serial(count, prove) : parallel_for_(count, prove);
    if (device_.options.verify != Verify::Off) device_.stats.checksum.checked += all.size();
    note_mismatches(wrong);
    note_hangs(lane_hung);

    std::vector<TileRef> missing;
    for (uint32_t o = 0; o < operands_.size(); ++o)
        for (uint32_t t = 0; t < operands_[o].cubes.size(); ++t)
            if (operands_[o].cubes[t] == nullptr) missing.push_back({o, t});
    return missing;
}

}  // namespace rosenblatt::matmul
