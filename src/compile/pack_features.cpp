// SPDX-License-Identifier: MIT
// The int8 feature cube. npu::FeatureCube holds the formula these loops follow.
#include "compile/pack_features.hpp"

#include <cstring>

#include "npu/geometry.hpp"

namespace rosenblatt::compile {

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

}  // namespace rosenblatt::compile
