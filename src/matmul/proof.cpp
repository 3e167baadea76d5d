// SPDX-License-Identifier: MIT
// Proving tiles, and computing one from the same int8 operands where no lane delivered it.
#include <algorithm>
#include <mutex>

#include "compile/pack_weights.hpp"
#include "matmul/checksum.hpp"
#include "matmul/panel.hpp"
#include "matmul/reference.hpp"
#include "quant/int8.hpp"

namespace rosenblatt::matmul {

bool Panel::proved(const TileRef& ref, const int32_t* cube) const {
    if (device_.options.verify == Verify::Off) return true;
    const compile::Tile& t = tile(ref);
    if (poison_left(cube + size_t{t.m} * t.n - k_poison_words)) return false;
    const Operand& operand = operands_[ref.operand];
    std::vector<uint32_t> sums(t.m);
    weighted_sums(cube, t.m, t.n, operand.weights->column_weights.data() + t.n0, sums.data());
    const uint32_t* expected = operand.expected.data() + size_t{t.block} * m() + t.m0;
    if (!std::equal(sums.begin(), sums.end(), expected)) return false;
    return device_.options.verify != Verify::Full || matches_reference(ref, cube);
}

bool Panel::matches_reference(const TileRef& ref, const int32_t* cube) const {
    const std::vector<int32_t> expected = reference_cube(ref, run_serial);
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
            const int32_t* cube = run->c.as<int32_t>() + placed->c_offset / sizeof(int32_t);
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

/// Codes of the tile's rows over its k, quantised again: what stands in a BO proves nothing.
std::vector<int8_t> Panel::row_codes(const compile::Tile& tile) const {
    const quant::RowFormat& f = format();
    std::vector<float> scratch(static_cast<size_t>(f.k_padded));
    std::vector<int8_t> row(scratch.size());
    std::vector<float> scales(static_cast<size_t>(f.slices()));
    std::vector<int8_t> codes(size_t{tile.m} * tile.k);
    for (uint32_t i = 0; i < tile.m; ++i) {
        quant::quantise_row(f, false, x_[tile.m0 + i], scratch.data(), row.data(), scales.data());
        std::copy_n(row.data() + tile.k0, tile.k, codes.data() + size_t{i} * tile.k);
    }
    return codes;
}

/// The tile as the NPU should have written it, in plain loops.
std::vector<int32_t> Panel::reference_cube(const TileRef& ref,
                                           const ParallelFor& parallel_for) const {
    const compile::Tile& t = tile(ref);
    const std::vector<int8_t> a = row_codes(t);
    const Weights::State& weights = *operands_[ref.operand].weights;
    std::vector<int8_t> rebuilt;
    const int8_t* w = weights.block_data(t.block);
    if (!block_intact(weights, t.block)) {
        rebuilt.resize(weights.block(t.block).bytes(compile::NumberType::Int8));
        rebuild_block(weights, t.block, rebuilt.data());
        w = rebuilt.data();
    }
    std::vector<int32_t> cube(size_t{t.m} * t.n);
    parallel_for(t.n, [&](int64_t begin, int64_t end) {
        std::vector<int8_t> kernel(t.k);
        for (int64_t n = begin; n < end; ++n) {
            compile::unpack_kernel(w + n / 32 * 32 * t.k, t.k, static_cast<uint32_t>(n % 32),
                                   kernel.data());
            int32_t* column = cube.data() + n / 4 * 4 * t.m + n % 4;
            for (uint32_t i = 0; i < t.m; ++i)
                column[size_t{i} * 4] =
                    reference::dot(a.data() + size_t{i} * t.k, kernel.data(), t.k);
        }
    });
    return cube;
}

}  // namespace rosenblatt::matmul
