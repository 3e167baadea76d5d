// SPDX-License-Identifier: MIT
// Rows of int8 codes into the native feature cube [k/16][height][16].
#pragma once

#include <cstddef>
#include <cstdint>

namespace rosenblatt::compile {

/// Writes `rows` rows of `k` codes each (row i at codes + i*stride) as lines first.. of a cube of
/// `height` lines. k is a multiple of 16.
void pack_features(const int8_t* codes, size_t stride, uint32_t rows, uint32_t k, uint32_t first,
                   uint32_t height, int8_t* cube);

}  // namespace rosenblatt::compile
