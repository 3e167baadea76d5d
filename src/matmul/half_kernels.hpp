// SPDX-License-Identifier: MIT
// The loops over fp16 rows, once in plain form and once per vector instruction set that converts
// fp16; all give the same bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/simd.hpp"

namespace rosenblatt::matmul {

struct HalfKernels {
    /// codes[i] = x[i] * factor as fp16, ties to even. No NaN, nothing beyond fp16's greatest.
    void (*to_half)(const float* x, float factor, size_t n, uint16_t* codes);
    /// values[i] = codes[i], exactly.
    void (*to_float)(const uint16_t* codes, size_t n, float* values);
};

/// The best of this CPU by default; a set that is not compiled in gives the plain one.
const HalfKernels& half_kernels(Simd simd = best_simd());

}  // namespace rosenblatt::matmul
