// SPDX-License-Identifier: MIT
// The plain twins of the tile loops.
#include <algorithm>

#include "compile/pack_features.hpp"
#include "matmul/checksum.hpp"
#include "matmul/tile_kernels.hpp"

namespace rosenblatt::matmul {
namespace {

constexpr uint32_t k_atom_columns = 4;

void scale(const Strip& strip, float* const* y) {
    for (uint32_t n = 0; n < strip.columns; n += k_atom_columns) {
        const uint32_t real = std::min(k_atom_columns, strip.columns - n);
        for (uint32_t i = 0; i < strip.rows; ++i) {
            const size_t at = n / k_atom_columns * strip.surface + size_t{i} * k_atom_columns;
            float sum[k_atom_columns] = {};
            for (size_t p = 0; p < strip.parts.size();) {
                const uint32_t slice = strip.parts[p].slice;
                const float row_scale =
                    strip.row_scales[(size_t{slice} * strip.rows + i) * k_atom_columns];
                uint32_t total[k_atom_columns] = {};
                for (; p < strip.parts.size() && strip.parts[p].slice == slice; ++p) {
                    const StripPart& part = strip.parts[p];
                    for (uint32_t j = 0; j < k_atom_columns; ++j) {
                        const auto c = static_cast<uint32_t>(part.cube[at + j]);
                        total[j] += c;
                        if (part.sums)
                            part.sums[i * k_atom_columns + j] += c * part.column_weights[n + j];
                    }
                }
                for (uint32_t j = 0; j < k_atom_columns; ++j)
                    sum[j] += static_cast<float>(static_cast<int32_t>(total[j])) * row_scale;
            }
            for (uint32_t j = 0; j < real; ++j) y[i][n + j] = sum[j] * strip.column_scales[n + j];
        }
    }
}

void weighted_sums(const int32_t* cube, size_t surface, uint32_t rows, uint32_t n,
                   const uint32_t* column_weights, uint32_t* sums) {
    for (uint32_t column = 0; column < n; ++column)
        for (uint32_t i = 0; i < rows; ++i) {
            const size_t at = column / k_atom_columns * surface + size_t{i} * k_atom_columns;
            sums[i * k_atom_columns + column % k_atom_columns] +=
                static_cast<uint32_t>(cube[at + column % k_atom_columns]) * column_weights[column];
        }
}

uint32_t group_sum(const int8_t* codes, size_t stride, const int16_t* halves, uint32_t k) {
    uint32_t sum = 0;
    for (uint32_t row = 0; row < k_group_rows; ++row, codes += stride)
        for (uint32_t i = 0; i < k; ++i) {
            const auto low = static_cast<uint32_t>(codes[i] * halves[i]);
            const auto high = static_cast<uint32_t>(codes[i] * halves[k + i]);
            sum += row_weight(row) * (low + (high << 16));
        }
    return sum;
}

}  // namespace

const TileKernels& plain_tile_kernels() {
    static constexpr TileKernels k_kernels{scale, weighted_sums, group_sum,
                                           rosenblatt::matmul::add_kernel, compile::pack_features};
    return k_kernels;
}

void split_halves(std::span<const uint32_t> u, int16_t* halves) {
    for (size_t i = 0; i < u.size(); ++i) {
        const auto low = static_cast<int16_t>(u[i] & 0xffffu);
        halves[i] = low;
        halves[u.size() + i] = static_cast<int16_t>((u[i] - static_cast<uint32_t>(low)) >> 16);
    }
}

}  // namespace rosenblatt::matmul
