// SPDX-License-Identifier: MIT
// The truth for GEMM, in plain loops: what every plan, lane, thread count and fast path must give,
// bit for bit, and what is computed where the NPU did not deliver.
#pragma once

#include <cstdint>
#include <span>

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

}  // namespace rosenblatt::matmul::reference
