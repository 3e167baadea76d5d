// SPDX-License-Identifier: MIT
// Rows of int8 codes into the native feature cube: int8 [k/16][height][16], or halves of codes as
// int4 [k/32][2 * height][32].
#pragma once

#include <cstddef>
#include <cstdint>

namespace rosenblatt::compile {

/// Writes `rows` rows of `k` codes each (row i at codes + i*stride) as lines first.. of a cube of
/// `height` lines. k is a multiple of 16.
void pack_features(const int8_t* codes, size_t stride, uint32_t rows, uint32_t k, uint32_t first,
                   uint32_t height, int8_t* cube);

/// Halves of a code: code = 16 * high_half + low_half, both -8..7 for codes of -119..119.
constexpr int high_half(int8_t code) {
    return (code + 8) >> 4;
}
constexpr int low_half(int8_t code) {
    return code - 16 * high_half(code);
}

/// As above, k a multiple of 32: each row becomes line 2 * row, its high halves, and the line after
/// it, its low halves. As many bytes as the int8 cube.
void pack_half_features(const int8_t* codes, size_t stride, uint32_t rows, uint32_t k,
                        uint32_t first, uint32_t height, int8_t* cube);

}  // namespace rosenblatt::compile
