// SPDX-License-Identifier: MIT
// The block-Hadamard rotation with random signs: spreads a row's outliers over its whole block, so
// that one int8 scale fits all of it. Rotating X and W alike leaves X*W unchanged.
#pragma once

#include <cstdint>

namespace rosenblatt::quant {

/// Bit i of the result is 1 where element 32*word + i of every row is negated before the transform.
/// The same for all tensors: a row of X meets rows of W with the same signs whatever its K.
uint32_t sign_word(int64_t word);

/// sign_word(word), sign_word(word + 1), .. from a table of the first k_sign_words_kept.
inline constexpr int64_t k_sign_words_kept = 2048;
const uint32_t* sign_words(int64_t word);

/// In place: applies the signs, then the unnormalised Walsh-Hadamard transform to each block of
/// `row` (butterfly strides 1, 2, 4, ..: the one defined order of float additions). `block` is a
/// power of two of at least 32 that divides `k`. The missing factor 1/sqrt(block) lives in
/// RowFormat::unit.
void rotate_row(float* row, int64_t k, int64_t block);

/// The way back, except for a factor of `block`: the transform, then the signs.
void unrotate_row(float* row, int64_t k, int64_t block);

}  // namespace rosenblatt::quant
