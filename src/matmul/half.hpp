// SPDX-License-Identifier: MIT
// Rows of the f16 pipeline: floats to fp16, with a power of two in front where fp16 alone would lose
// them.
#pragma once

#include <cstdint>

#include "quant/row_format.hpp"

namespace rosenblatt::matmul {

/// Rounds the format.k floats of `x` to fp16 (ties to even) and pads with zeros to k_padded. A row
/// whose largest magnitude lies in [2^-8, 65504] is taken as it is, so fp16 data stays as it was;
/// any other is first multiplied by the power of two that brings its largest into [1, 2), because
/// below 2^-14 fp16 loses bits and beyond 65504 it ends. *scale is that power's inverse. False: NaN,
/// Inf, or a magnitude beyond the limits of quant/int8.hpp; codes and *scale are then unspecified.
bool half_row(const quant::RowFormat& format, const float* x, uint16_t* codes, float* scale);

/// Whether half_row takes these k floats.
bool half_row_usable(const float* x, int64_t k);

}  // namespace rosenblatt::matmul
