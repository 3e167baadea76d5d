// SPDX-License-Identifier: MIT
// Weights as int4: codes -7..7 with one scale per row, such that no sum of a K-slice leaves int16.
#pragma once

#include <cstdint>

#include "quant/int8.hpp"
#include "quant/row_format.hpp"

namespace rosenblatt::quant {

inline constexpr int k_int4_most = 7;

/// The NPU writes sums of int4 products as int16 and saturates. A half of an activation is at most 8
/// in magnitude, so with this bound on sum |code| over a K-slice no sum can exceed 32,376, which is
/// less than int16 holds, and less than the pattern that marks unwritten memory (-32,383).
inline constexpr int64_t k_int4_slice_sum = 4047;

/// Pads, rotates and quantises a row of W (format.k floats) to format.k_padded codes. The scale is
/// the one with the least squared error among some that clip the row's largest values and keep
/// k_int4_slice_sum in every slice; a row for which none does gets a coarser one that does.
/// `scratch` has format.k_padded floats. OutOfRange as quantise_row.
RowCheck quantise_int4_row(const RowFormat& format, const float* x, float* scratch, int8_t* codes,
                           float* scale);

/// The largest sum |code| of any slice.
int64_t largest_slice_sum(const RowFormat& format, const int8_t* codes);

}  // namespace rosenblatt::quant
