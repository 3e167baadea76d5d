// SPDX-License-Identifier: MIT
// int4 weights in plain loops: each row is quantised once, when it is packed.
#include "quant/int4.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "quant/hadamard.hpp"

namespace rosenblatt::quant {
namespace {

/// Parts of the largest magnitude that become code 7. Rotated rows are close to normal; for those
/// 15 levels err least when they end near 2.5 standard deviations, about 0.7 of a row's largest.
constexpr float k_ends[] = {1.0F,   0.9375F, 0.875F,  0.8125F, 0.75F,
                            0.6875F, 0.625F, 0.5625F, 0.5F};
constexpr float k_coarser = 1.125F;

/// Codes where `end` becomes 7; gives the squared error in units of the step.
double round_to(const float* v, int64_t n, float end, int8_t* codes) {
    const float inverse = static_cast<float>(k_int4_most) / end;
    double error = 0;
    for (int64_t i = 0; i < n; ++i) {
        const float exact = v[i] * inverse;
        const float most = static_cast<float>(k_int4_most);
        const float code = round_half_even(std::clamp(exact, -most, most));
        codes[i] = static_cast<int8_t>(static_cast<int32_t>(code));
        const double off = static_cast<double>(exact) - static_cast<double>(code);
        error += off * off;
    }
    return error;
}

/// Where codes should end: the least squared error that keeps the bound, or the first coarser end
/// that keeps it.
float best_end(const RowFormat& format, const float* v, float largest, int8_t* codes) {
    std::optional<float> best;
    double least = 0;
    for (const float part : k_ends) {
        const float end = part * largest;
        const double steps = round_to(v, format.k_padded, end, codes);
        const double error = steps * static_cast<double>(end) * static_cast<double>(end);
        if (largest_slice_sum(format, codes) > k_int4_slice_sum) continue;
        if (best && error >= least) continue;
        best = end;
        least = error;
    }
    if (best) return *best;
    float end = largest;
    do {
        end *= k_coarser;
        round_to(v, format.k_padded, end, codes);
    } while (largest_slice_sum(format, codes) > k_int4_slice_sum);
    return end;
}

}  // namespace

int64_t largest_slice_sum(const RowFormat& format, const int8_t* codes) {
    int64_t largest = 0;
    for (int64_t s = 0; s < format.slices(); ++s) {
        int64_t sum = 0;
        for (int64_t i = format.slice_begin(s); i < format.slice_end(s); ++i)
            sum += std::abs(static_cast<int>(codes[i]));
        largest = std::max(largest, sum);
    }
    return largest;
}

RowCheck quantise_int4_row(const RowFormat& format, const float* x, float* scratch, int8_t* codes,
                           float* scale) {
    std::copy_n(x, format.k, scratch);
    std::fill(scratch + format.k, scratch + format.k_padded, 0.0F);
    if (format.block > 1) rotate_row(scratch, format.k_padded, format.block);
    const float largest = largest_magnitude(scratch, format.k_padded);
    if (!is_good_row(largest)) return RowCheck::OutOfRange;
    if (largest == 0) {
        std::fill_n(codes, format.k_padded, int8_t{0});
        *scale = 0;
        return RowCheck::Good;
    }
    const float end = best_end(format, scratch, largest, codes);
    round_to(scratch, format.k_padded, end, codes);
    // unit holds the norm of one rotation and the step of int8 codes.
    *scale = format.unit * format.most * (end / static_cast<float>(k_int4_most));
    return RowCheck::Good;
}

}  // namespace rosenblatt::quant
