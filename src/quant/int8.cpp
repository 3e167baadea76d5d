// SPDX-License-Identifier: MIT
// Symmetric int8 quantisation, plain form: element-wise steps and one maximum, so that vector forms
// give the same bits.
#include "quant/int8.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "quant/hadamard.hpp"

namespace rosenblatt::quant {

float largest_magnitude(const float* v, int64_t n) {
    // Magnitudes of floats order like their bits; Inf and NaN come last.
    uint32_t largest = 0;
    for (int64_t i = 0; i < n; ++i) {
        largest = std::max(largest, std::bit_cast<uint32_t>(v[i]) & 0x7fffffffu);
    }
    return std::bit_cast<float>(largest);
}

float quantise(const float* v, int64_t n, float largest, float most, int8_t* codes) {
    if (largest < k_row_min * 0x1p-30F) {
        std::memset(codes, 0, static_cast<size_t>(n));
        return 0.0F;
    }
    const float inverse = most / largest;
    for (int64_t i = 0; i < n; ++i) {
        codes[i] = static_cast<int8_t>(static_cast<int32_t>(round_half_even(v[i] * inverse)));
    }
    return largest;
}

RowCheck quantise_row_plain(const RowFormat& format, bool one_scale, const float* x, float* scratch,
                            int8_t* codes, float* scales) {
    std::copy_n(x, format.k, scratch);
    std::fill(scratch + format.k, scratch + format.k_padded, 0.0F);
    if (format.block > 1) rotate_row(scratch, format.k_padded, format.block);
    const float row_largest = largest_magnitude(scratch, format.k_padded);
    if (!is_good_row(row_largest)) return RowCheck::OutOfRange;
    if (one_scale) {
        scales[0] = format.unit * quantise(scratch, format.k_padded, row_largest, format.most, codes);
        return RowCheck::Good;
    }
    for (int64_t s = 0; s < format.slices(); ++s) {
        const int64_t begin = format.slice_begin(s);
        const int64_t length = format.slice_end(s) - begin;
        const float largest = largest_magnitude(scratch + begin, length);
        scales[s] =
            format.unit * quantise(scratch + begin, length, largest, format.most, codes + begin);
    }
    return RowCheck::Good;
}

}  // namespace rosenblatt::quant
