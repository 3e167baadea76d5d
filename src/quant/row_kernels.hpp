// SPDX-License-Identifier: MIT
// The row loops of quantisation, once in plain form and once per vector instruction set; all give
// the same bits.
#pragma once

#include <cstdint>

#include "base/simd.hpp"
#include "quant/int8.hpp"
#include "quant/row_format.hpp"

namespace rosenblatt::quant {

/// As quant::quantise_row.
using QuantiseRow = RowCheck (*)(const RowFormat& format, bool one_scale, const float* x,
                                 float* scratch, int8_t* codes, float* scales);

/// The best of this CPU by default; a set that is not compiled in gives the plain one.
QuantiseRow quantise_row_kernel(Simd simd = best_simd());

}  // namespace rosenblatt::quant
