// SPDX-License-Identifier: MIT
// HalfPanel: X into fp16 cubes, the checksum with tolerance, the tile in plain loops, Y.
#include "matmul/half_panel.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "compile/pack_features.hpp"
#include "compile/pack_weights.hpp"
#include "matmul/half.hpp"
#include "matmul/half_kernels.hpp"
#include "matmul/reference.hpp"

namespace rosenblatt::matmul {
namespace {

constexpr uint32_t k_rows_at_once = 8;  // two cache lines of every surface
constexpr uint32_t k_atom_columns = 4;
constexpr uint32_t k_group_kernels = 16;

}  // namespace

void HalfPanel::expect(size_t o) {
    expected_[o].resize(operands_[o].weights->plans->tiling().blocks.size() * m());
}

void HalfPanel::expect_rows(const uint16_t* codes, uint32_t first, uint32_t rows) {
    const auto k = static_cast<size_t>(format().k_padded);
    std::vector<float> values(k);
    for (uint32_t i = 0; i < rows; ++i) {
        half_kernels().to_float(codes + i * k, k, values.data());
        for (size_t o = 0; o < operands_.size(); ++o) {
            const Weights::State& weights = *operands_[o].weights;
            const auto& blocks = weights.plans->tiling().blocks;
            for (size_t b = 0; b < blocks.size(); ++b)
                expected_[o][b * m() + first + i] =
                    expected_half_sum(values.data() + blocks[b].k0, weights.half_sums[b],
                                      blocks[b].k, blocks[b].n);
        }
    }
}

Outcome HalfPanel::quantise(std::span<LaneRun> runs, bool with_checksums) {
    const auto k = static_cast<size_t>(format().k_padded);
    std::atomic<bool> out_of_range{false};
    const auto rows_of = [&](int64_t begin, int64_t end) {
        std::vector<uint16_t> codes(k_rows_at_once * k);
        std::vector<float> given(static_cast<size_t>(format().k));
        for (int64_t group = begin; group < end && !out_of_range; ++group) {
            const auto first = static_cast<uint32_t>(group) * k_rows_at_once;
            const uint32_t rows = std::min(k_rows_at_once, m() - first);
            for (uint32_t i = 0; i < rows; ++i)
                if (!half_row(format(), x_row(first + i, given.data()), codes.data() + i * k,
                              &row_scales_[first + i]))
                    out_of_range = true;
            const auto* bytes = reinterpret_cast<const int8_t*>(codes.data());
            for (const LaneRun& run : runs)
                compile::pack_features(bytes + size_t{run.k0} * 2, k * 2, rows, run.k * 2, first,
                                       m(), run.a.as<int8_t>());
            if (with_checksums && !out_of_range) expect_rows(codes.data(), first, rows);
        }
    };
    parallel_for_((m() + k_rows_at_once - 1) / k_rows_at_once, rows_of);
    return out_of_range ? Outcome::OutOfRange : Outcome::Done;
}

bool HalfPanel::sums_match(const TileRef& ref, const std::byte* cube) const {
    const compile::Tile& t = tile(ref);
    const Weights::State& weights = *operands_[ref.operand].weights;
    std::vector<HalfPair> sums(t.m);
    weighted_half_sums(reinterpret_cast<const float*>(cube), t.m, t.n,
                       weights.half_column_weights.data() + t.n0, sums.data());
    const HalfExpected* expected = expected_[ref.operand].data() + size_t{t.block} * m() + t.m0;
    for (uint32_t i = 0; i < t.m; ++i)
        if (!expected[i].allows(sums[i])) return false;
    return true;
}

std::vector<std::byte> HalfPanel::reference_cube(const TileRef& ref,
                                                 const ParallelFor& parallel_for) const {
    const compile::Tile& t = tile(ref);
    const auto k = static_cast<size_t>(format().k_padded);
    std::vector<float> a(size_t{t.m} * t.k);
    std::vector<uint16_t> row(k);
    std::vector<float> given(static_cast<size_t>(format().k));
    for (uint32_t i = 0; i < t.m; ++i) {  // rounded again: what stands in a BO proves nothing
        float scale = 0;
        half_row(format(), x_row(t.m0 + i, given.data()), row.data(), &scale);
        half_kernels().to_float(row.data() + t.k0, t.k, a.data() + i * t.k);
    }
    const ProvedBlock block(*operands_[ref.operand].weights, t.block);
    const auto* w = reinterpret_cast<const uint16_t*>(block.data());
    std::vector<std::byte> bytes(size_t{t.m} * t.n * sizeof(float));
    auto* cube = reinterpret_cast<float*>(bytes.data());
    parallel_for(t.n, [&](int64_t begin, int64_t end) {
        std::vector<uint16_t> codes(t.k);
        std::vector<float> kernel(t.k);
        for (auto n = static_cast<uint32_t>(begin); n < static_cast<uint32_t>(end); ++n) {
            const uint32_t group = n / k_group_kernels * k_group_kernels;
            compile::unpack_half_kernel(w + size_t{group} * t.k, t.k, n - group, codes.data());
            half_kernels().to_float(codes.data(), codes.size(), kernel.data());
            float* column = cube + n / k_atom_columns * k_atom_columns * t.m + n % k_atom_columns;
            for (uint32_t i = 0; i < t.m; ++i)
                column[size_t{i} * k_atom_columns] =
                    reference::half_dot(a.data() + size_t{i} * t.k, kernel.data(), t.k);
        }
    });
    return bytes;
}

/// y[i]: where row `first` + i of the range goes.
void HalfPanel::unpack_rows(const Operand& operand, uint32_t range, uint32_t first, uint32_t rows,
                            float* const* y) const {
    const CompiledPlan& compiled = *operand.plan;
    const compile::Rows& of_range = compiled.plan.row_ranges[range];
    const size_t ranges = compiled.plan.row_ranges.size();
    std::vector<const float*> slices;
    for (const ColumnSegment& segment : operand.weights->plans->segments()) {
        slices.clear();
        for (const Contribution& part : segment.contributions) {  // one block per slice
            const uint32_t t = compiled.tile_of[part.block * ranges + range];
            const uint32_t column = segment.n0 - compiled.plan.tiles[t].n0;
            slices.push_back(reinterpret_cast<const float*>(operand.cubes[t]) +
                             size_t{column} * of_range.m);
        }
        for (uint32_t n = 0; n < segment.n; n += k_atom_columns) {
            const uint32_t columns = std::min(k_atom_columns, segment.n - n);
            const float* column_scales = operand.weights->scales.data() + segment.n0 + n;
            for (uint32_t i = first; i < first + rows; ++i) {
                const uint32_t row = of_range.m0 + i;
                const size_t at = size_t{n} * of_range.m + size_t{i} * k_atom_columns;
                float sum[k_atom_columns] = {};
                for (const float* slice : slices)
                    for (uint32_t j = 0; j < k_atom_columns; ++j)
                        sum[j] += slice[at + j] * row_scales_[row];
                float* to = y[i - first] + segment.n0 + n;
                for (uint32_t j = 0; j < columns; ++j) to[j] = sum[j] * column_scales[j];
            }
        }
    }
}

void HalfPanel::unpack_group(uint32_t o, uint32_t range, uint32_t first, uint32_t rows) const {
    const Output& target = *operands_[o].target;
    const uint32_t row0 = operands_[o].plan->plan.row_ranges[range].m0 + first;
    const auto n = static_cast<size_t>(operands_[o].weights->shape.n);
    float* y[2][k_rows_at_once] = {};
    if (!target.write) {
        for (uint32_t i = 0; i < rows; ++i) y[0][i] = y_row(target, row0 + i);
        return unpack_rows(operands_[o], range, first, rows, y[0]);
    }
    const uint32_t count = target.second ? 2 : 1;
    std::vector<float> values(count * rows * n);
    for (uint32_t w = 0; w < count; ++w) {
        for (uint32_t i = 0; i < rows; ++i) y[w][i] = values.data() + (w * rows + i) * n;
        unpack_rows(operands_[o + w], range, first, rows, y[w]);
    }
    target.write({.m0 = rows_.first + row0,
                  .rows = rows,
                  .n = static_cast<int64_t>(n),
                  .y = y[0][0],
                  .second = y[1][0],
                  .stride = static_cast<int64_t>(n)});
}

void HalfPanel::unpack(uint32_t o) {
    const auto& ranges = operands_[o].plan->plan.row_ranges;
    for (uint32_t r = 0; r < ranges.size(); ++r)
        parallel_for_(
            div_round_up(ranges[r].m, k_rows_at_once), [&](int64_t begin, int64_t end) {
                for (auto group = static_cast<uint32_t>(begin); group < static_cast<uint32_t>(end);
                     ++group) {
                    const uint32_t first = group * k_rows_at_once;
                    unpack_group(o, r, first, std::min(k_rows_at_once, ranges[r].m - first));
                }
            });
}

}  // namespace rosenblatt::matmul
