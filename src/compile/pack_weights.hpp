// SPDX-License-Identifier: MIT
// Rows of codes into the weight cube and back: int8 [n/32][k/32][32][32], fp16 [n/16][k/32][16][32],
// int4 [n/64][k/32][64][32], two codes per byte, the lower channel in the low half.
#pragma once

#include <cstdint>

namespace rosenblatt::compile {

/// One kernel (output feature) into its group: `codes` are its `k` codes of this block, `group` the
/// 32*k bytes of the group, `kernel` its place 0..31. k is a multiple of 32.
void pack_kernel(const int8_t* codes, uint32_t k, uint32_t kernel, int8_t* group);
void unpack_kernel(const int8_t* group, uint32_t k, uint32_t kernel, int8_t* codes);

/// The same for fp16: a group has 16 kernels, 16*k codes.
void pack_half_kernel(const uint16_t* codes, uint32_t k, uint32_t kernel, uint16_t* group);
void unpack_half_kernel(const uint16_t* group, uint32_t k, uint32_t kernel, uint16_t* codes);

/// The same for int4: `codes` are -8..7, one per byte; a group has 64 kernels, 32*k bytes.
void pack_int4_kernel(const int8_t* codes, uint32_t k, uint32_t kernel, uint8_t* group);
void unpack_int4_kernel(const uint8_t* group, uint32_t k, uint32_t kernel, int8_t* codes);

}  // namespace rosenblatt::compile
