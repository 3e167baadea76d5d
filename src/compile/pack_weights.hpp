// SPDX-License-Identifier: MIT
// Rows of int8 codes into the weight cube [n/32][k/32][32][32] and back.
#pragma once

#include <cstdint>

namespace rosenblatt::compile {

/// One kernel (output feature) into its group: `codes` are its `k` codes of this block, `group` the
/// 32*k bytes of the group, `kernel` its place 0..31. k is a multiple of 32.
void pack_kernel(const int8_t* codes, uint32_t k, uint32_t kernel, int8_t* group);
void unpack_kernel(const int8_t* group, uint32_t k, uint32_t kernel, int8_t* codes);

}  // namespace rosenblatt::compile
