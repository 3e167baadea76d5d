// SPDX-License-Identifier: MIT
// From proved int32 cubes to rows of Y: K-splits add as int32, K-slices in f32 in ascending k, then
// the scale of the output feature. reference::scaled_sum is the truth these loops follow.
#include <algorithm>

#include "matmul/int8_panel.hpp"

namespace rosenblatt::matmul {
namespace {

constexpr uint32_t k_rows_at_once = 16;  // 256 consecutive bytes of a surface
constexpr uint32_t k_atom_columns = 4;

/// Four columns of one row from all blocks that hold them.
struct Source {
    const int32_t* cube = nullptr;  ///< first row of the range, first column of the segment
    uint32_t slice = 0;
};

}  // namespace

void Int8Panel::unpack_rows(const Operand& operand, uint32_t range, uint32_t first,
                            uint32_t rows) const {
    const CompiledPlan& compiled = *operand.plan;
    const compile::Rows& of_range = compiled.plan.row_ranges[range];
    const size_t ranges = compiled.plan.row_ranges.size();
    const auto slices = static_cast<size_t>(format().slices());
    const size_t surface = size_t{of_range.m} * k_atom_columns;
    std::vector<Source> sources;
    for (const ColumnSegment& segment : operand.weights->plans->segments()) {
        sources.clear();
        for (const Contribution& part : segment.contributions) {
            const uint32_t t = compiled.tile_of[part.block * ranges + range];
            const uint32_t column = segment.n0 - compiled.plan.tiles[t].n0;
            const auto* cube = reinterpret_cast<const int32_t*>(operand.cubes[t]);
            sources.push_back({cube + size_t{column} * of_range.m, part.slice});
        }
        for (uint32_t n = 0; n < segment.n; n += k_atom_columns) {
            const uint32_t columns = std::min(k_atom_columns, segment.n - n);
            const float* column_scales = operand.weights->scales.data() + segment.n0 + n;
            for (uint32_t i = first; i < first + rows; ++i) {
                const uint32_t row = of_range.m0 + i;
                const float* row_scales = row_scales_.data() + row * slices;
                const size_t at = n / k_atom_columns * surface + size_t{i} * k_atom_columns;
                float sum[k_atom_columns] = {};
                for (size_t s = 0; s < sources.size();) {
                    const uint32_t slice = sources[s].slice;
                    uint32_t total[k_atom_columns] = {};
                    for (; s < sources.size() && sources[s].slice == slice; ++s)
                        for (uint32_t j = 0; j < k_atom_columns; ++j)
                            total[j] += static_cast<uint32_t>(sources[s].cube[at + j]);
                    for (uint32_t j = 0; j < k_atom_columns; ++j)
                        sum[j] +=
                            static_cast<float>(static_cast<int32_t>(total[j])) * row_scales[slice];
                }
                float* y = operand.rows[row] + segment.n0 + n;
                for (uint32_t j = 0; j < columns; ++j) y[j] = sum[j] * column_scales[j];
            }
        }
    }
}

void Int8Panel::unpack(const Operand& operand) {
    struct Piece {
        uint32_t range, first, rows;
    };
    std::vector<Piece> pieces;
    const auto& ranges = operand.plan->plan.row_ranges;
    for (uint32_t r = 0; r < ranges.size(); ++r)
        for (uint32_t first = 0; first < ranges[r].m; first += k_rows_at_once)
            pieces.push_back({r, first, std::min(k_rows_at_once, ranges[r].m - first)});
    parallel_for_(static_cast<int64_t>(pieces.size()), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const Piece& piece = pieces[static_cast<size_t>(i)];
            unpack_rows(operand, piece.range, piece.first, piece.rows);
        }
    });
}

}  // namespace rosenblatt::matmul
