// SPDX-License-Identifier: MIT
#include "matmul/half.hpp"

#include <algorithm>
#include <cmath>

#include "matmul/half_kernels.hpp"
#include "quant/int8.hpp"

namespace rosenblatt::matmul {
namespace {

constexpr float k_largest_taken = 65504;  // fp16's greatest number
constexpr float k_least_taken = 0x1p-8F;  // its subnormals are then below 2^-6 of the row's largest

bool usable(float largest) {
    return largest == 0.0F || (largest >= quant::k_row_min && largest <= quant::k_row_max);
}

}  // namespace

bool half_row_usable(const float* x, int64_t k) {
    return usable(quant::largest_magnitude(x, k));
}

bool half_row(const quant::RowFormat& format, const float* x, uint16_t* codes, float* scale) {
    const float largest = quant::largest_magnitude(x, format.k);
    if (!usable(largest)) return false;
    *scale = 1.0F;
    float factor = 1.0F;
    if (largest != 0.0F && (largest < k_least_taken || largest > k_largest_taken)) {
        const int exponent = std::ilogb(largest);
        *scale = std::ldexp(1.0F, exponent);
        factor = std::ldexp(1.0F, -exponent);
    }
    half_kernels().to_half(x, factor, static_cast<size_t>(format.k), codes);
    std::fill(codes + format.k, codes + format.k_padded, uint16_t{0});
    return true;
}

}  // namespace rosenblatt::matmul
