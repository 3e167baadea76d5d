// SPDX-License-Identifier: MIT
// The truth for GEMM, in plain loops: what every plan, lane, thread count and fast path must give,
// bit for bit, and what is computed where the NPU did not deliver.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "npu/convert.hpp"

namespace rosenblatt::matmul::reference {

/// One element of the integer product, as the accumulator holds it (modulo 2^32).
inline int32_t dot(const int8_t* a, const int8_t* w, int64_t k) {
    uint32_t sum = 0;
    for (int64_t i = 0; i < k; ++i) sum += static_cast<uint32_t>(a[i] * w[i]);
    return static_cast<int32_t>(sum);
}

/// One element of the float result: slices in ascending k, each with its activation scale, then the
/// scale of the output feature. No fused multiply-add, no other order.
inline float scaled_sum(std::span<const int32_t> slices, const float* row_scales,
                        float column_scale) {
    float sum = 0;
    for (size_t s = 0; s < slices.size(); ++s) sum += static_cast<float>(slices[s]) * row_scales[s];
    return sum * column_scale;
}

/// One element of an f16 tile as the chip rounds it (hardware.md 5.7): every 32 channels summed
/// exactly and rounded once, these added in order in fp32. Operands are fp16 values.
inline float half_dot(const float* a, const float* w, size_t k) {
    float sum = 0;
    for (size_t i = 0; i < k; i += 32)
        sum += npu::exact_dot({a + i, std::min<size_t>(32, k - i)},
                              {w + i, std::min<size_t>(32, k - i)});
    return sum;
}

/// The float result of the f16 pipeline: slices in ascending k, then the powers of two.
inline float half_scaled_sum(std::span<const float> slices, float row_scale, float column_scale) {
    float sum = 0;
    for (const float slice : slices) sum += slice * row_scale;
    return sum * column_scale;
}

}  // namespace rosenblatt::matmul::reference
