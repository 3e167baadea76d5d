// SPDX-License-Identifier: MIT
// Proving tiles: the poisoned line was written over, the sums match, and if asked for every element
// is the reference's.
#include <algorithm>
#include <mutex>

#include "matmul/checksum.hpp"
#include "matmul/panel.hpp"

namespace rosenblatt::matmul {

bool Panel::proved(const TileRef& ref, const std::byte* cube) const {
    if (device_.options.verify == Verify::Off) return true;
    const compile::Tile& t = tile(ref);
    const size_t bytes = size_t{t.m} * t.n * compile::k_output_bytes;
    if (poison_left(reinterpret_cast<const int32_t*>(cube + bytes) - k_poison_words)) return false;
    if (!sums_match(ref, cube)) return false;
    if (device_.options.verify != Verify::Full) return true;
    const std::vector<std::byte> expected = reference_cube(ref, run_serial);
    return std::equal(expected.begin(), expected.end(), cube);
}

/// Notes where the proved tiles of these runs stand; gives the others.
std::vector<TileRef> Panel::unproved(std::span<const LaneRun> runs) {
    std::vector<std::pair<const LaneRun*, const Placed*>> all;
    for (const LaneRun& run : runs)
        for (const Placed& placed : run.tiles)
            if (run.submitted) all.emplace_back(&run, &placed);
    std::mutex mutex;
    std::vector<TileRef> wrong;
    parallel_for_(static_cast<int64_t>(all.size()), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const auto& [run, placed] = all[static_cast<size_t>(i)];
            const std::byte* cube = run->c.as<std::byte>() + placed->c_offset;
            if (proved(placed->ref, cube)) {
                operands_[placed->ref.operand].cubes[placed->ref.tile] = cube;
            } else {
                const std::lock_guard lock(mutex);
                wrong.push_back(placed->ref);
                lane_failed_[run->lane] = true;
            }
        }
    });
    Stats::Checksum& stats = device_.stats.checksum;
    if (device_.options.verify != Verify::Off) stats.checked += all.size();
    stats.mismatch += wrong.size();
    if (!wrong.empty())
        device_.warn_once(std::to_string(wrong.size()) +
                          " tiles of a matmul failed their proof and are computed again; results "
                          "stay right. The statistics count every such case.");

    std::vector<TileRef> missing;
    for (uint32_t o = 0; o < operands_.size(); ++o)
        for (uint32_t t = 0; t < operands_[o].cubes.size(); ++t)
            if (operands_[o].cubes[t] == nullptr) missing.push_back({o, t});
    return missing;
}

}  // namespace rosenblatt::matmul
