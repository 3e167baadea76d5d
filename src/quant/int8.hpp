// SPDX-License-Identifier: MIT
// Symmetric int8 quantisation of one row: q = round_half_even(v * (most / max|v|)), codes -most..most.
#pragma once

#include <cstdint>

#include "quant/row_format.hpp"

namespace rosenblatt::quant {

/// Magnitudes a row may have. Beyond these the float steps around the integer product could
/// overflow or meet subnormals, which not every CPU treats alike; the caller then uses the CPU.
inline constexpr float k_row_max = 0x1p60F;
inline constexpr float k_row_min = 0x1p-60F;

/// Rounds to the nearest integer, ties to even, for |v| < 2^22; the one place that defines it.
/// Adding 1.5 * 2^23 leaves no fraction bits, and IEEE's default rounding is half-to-even.
inline float round_half_even(float v) {
    constexpr float k_magic = 12582912.0F;
    return (v + k_magic) - k_magic;
}

/// Largest magnitude of n floats; a NaN or Inf among them gives a value that is not <= k_row_max.
float largest_magnitude(const float* v, int64_t n);

/// Writes n codes; `largest` is largest_magnitude(v, n). Below k_row_min * 2^-30 all codes are 0.
/// Returns largest, or 0 where the codes are all 0: times RowFormat::unit it is the scale.
float quantise(const float* v, int64_t n, float largest, float most, int8_t* codes);

enum class RowCheck { Good, OutOfRange };

/// A row whose largest rotated magnitude this is can be scaled.
inline bool is_good_row(float largest) {
    return largest == 0.0F || (largest >= k_row_min && largest <= k_row_max);
}

/// The whole way of one row: pads, rotates, quantises. `x` has format.k floats; `scratch`
/// and `codes` format.k_padded. `scales` gets one entry per slice, or a single one where
/// `one_scale` (weights). OutOfRange: NaN, Inf, beyond k_row_max, or not zero yet below k_row_min
/// throughout; codes and scales are then unspecified.
RowCheck quantise_row(const RowFormat& format, bool one_scale, const float* x, float* scratch,
                      int8_t* codes, float* scales);

/// The same in plain loops: the twin that every fast form is tested against.
RowCheck quantise_row_plain(const RowFormat& format, bool one_scale, const float* x,
                            float* scratch, int8_t* codes, float* scales);

}  // namespace rosenblatt::quant
