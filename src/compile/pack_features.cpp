// SPDX-License-Identifier: MIT
// The feature cubes. npu::FeatureCube holds the formula these loops follow.
#include "compile/pack_features.hpp"

#include <cstring>

#include "npu/geometry.hpp"

namespace rosenblatt::compile {
namespace {

/// Two int4 in a byte, the even channel in the low half.
int8_t pair(int even, int odd) {
    return static_cast<int8_t>((even & 15) | odd * 16);
}

}  // namespace

void pack_features(const int8_t* codes, size_t stride, uint32_t rows, uint32_t k, uint32_t first,
                   uint32_t height, int8_t* cube) {
    constexpr size_t atom = npu::k_atom_bytes;
    // Surface by surface: the rows of one call are one run of memory there.
    for (size_t at = 0; at < k; at += atom) {
        int8_t* line = cube + at * height + first * atom;
        for (size_t row = 0; row < rows; ++row)
            std::memcpy(line + row * atom, codes + row * stride + at, atom);
    }
}

void pack_half_features(const int8_t* codes, size_t stride, uint32_t rows, uint32_t k,
                        uint32_t first, uint32_t height, int8_t* cube) {
    constexpr size_t atom = npu::k_atom_bytes;
    constexpr size_t channels = 2 * atom;
    for (size_t at = 0; at < k; at += channels) {
        int8_t* high = cube + at * height + 2 * first * atom;
        for (size_t row = 0; row < rows; ++row, high += 2 * atom) {
            const int8_t* from = codes + row * stride + at;
            for (size_t i = 0; i < atom; ++i, from += 2) {
                high[i] = pair(high_half(from[0]), high_half(from[1]));
                high[atom + i] = pair(low_half(from[0]), low_half(from[1]));
            }
        }
    }
}

}  // namespace rosenblatt::compile
