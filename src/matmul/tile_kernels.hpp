// SPDX-License-Identifier: MIT
// The loops over tiles' operands and results, once in plain form and once per vector instruction
// set; all give the same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/simd.hpp"

namespace rosenblatt::matmul {

/// The part of a sum that one tile holds for a strip.
struct StripPart {
    const int32_t* cube = nullptr;  ///< first row and first column of the strip
    uint32_t slice = 0;             ///< parts come in ascending order of it
    const uint32_t* column_weights = nullptr;  ///< r of the strip's columns
    uint32_t* sums = nullptr;  ///< [row][4]: adds r * C for the checksum; null in all parts: not
};

/// Some rows and columns of one W's results: where the parts of its sums stand, and their scales.
/// Parts hold whole groups of four columns.
struct Strip {
    std::span<const StripPart> parts;
    size_t surface = 0;  ///< words from four columns to the next four
    uint32_t rows = 0, columns = 0;
    const float* row_scales = nullptr;     ///< [slice][row][4]: each four times
    const float* column_scales = nullptr;  ///< [column]
    /// Y is much larger than a cache and its lines are written past it, where the CPU can.
    bool past_cache = false;
};

struct TileKernels {
    /// y[i][n] = (sum over slices of float(sum over parts) * row scale) * column scale, as
    /// reference::scaled_sum, and the parts' sums for the checksum.
    void (*scale)(const Strip& strip, float* const* y);

    /// sums[row][4] += r[n] * C[row][n], by n % 4; n is a multiple of 4.
    void (*weighted_sums)(const int32_t* cube, size_t surface, uint32_t rows, uint32_t n,
                          const uint32_t* column_weights, uint32_t* sums);

    /// Sum of row_weight(i) * dot(row i of `codes`, u) modulo 2^32 over k_group_rows rows. `halves`
    /// are u's k low and k high halves (see split_halves); k is a multiple of 32.
    uint32_t (*group_sum)(const int8_t* codes, size_t stride, const int16_t* halves, uint32_t k);

    /// u[i] += r * codes[i]; k is a multiple of 32.
    void (*add_kernel)(uint32_t r, const int8_t* codes, int64_t k, uint32_t* u);

    /// compile::pack_features: rows of codes into a feature cube.
    void (*write_features)(const int8_t* codes, size_t stride, uint32_t rows, uint32_t k,
                           uint32_t first, uint32_t height, int8_t* cube);
};

/// The best of this CPU by default; a set that is not compiled in gives the plain one.
const TileKernels& tile_kernels(Simd simd = best_simd());
const TileKernels& plain_tile_kernels();

/// Writes past the cache wait in buffers of their own. A thread calls this once after its last
/// kernel, before another one or the NPU reads what it wrote; each time it waits for memory.
void finish_writes();

/// u as signed halves, u = low + 65536 * high modulo 2^32: 16-bit products are several times as
/// fast as 32-bit ones.
void split_halves(std::span<const uint32_t> u, int16_t* halves);

}  // namespace rosenblatt::matmul
