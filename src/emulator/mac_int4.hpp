// SPDX-License-Identifier: MIT
// int4 operands as int8, so that the int8 multipliers can take them: products and sums are the
// same.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rosenblatt::emulator {

/// Two elements per byte, the low half first, to one byte each.
void expand_int4(const std::byte* pairs, size_t bytes, std::byte* out);

/// Kernels [first, first + count) of a group in the CNA's order, in that order still, as int8.
/// `channels` is even. `out`: count * channels * taps bytes.
void expand_int4_kernels(const std::byte* group, size_t kernels, size_t first, size_t count,
                         size_t channels, size_t taps, std::byte* out);

}  // namespace rosenblatt::emulator
