// SPDX-License-Identifier: MIT
// The NPU's arithmetic outside the multiplier array: rounding shifts, saturation, requantisation
// and the floating-point formats. Shared by emulator, reference and packers, so that all agree to
// the bit.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <span>

namespace rosenblatt::npu {

/// What a right shift does with the bits it drops.
enum class Rounding : uint8_t {
    Floor,     ///< towards minus infinity: the plain arithmetic shift
    HalfEven,  ///< to nearest, ties to even (TRM: ROUND = 0)
    HalfUp,    ///< to nearest, ties towards plus infinity
    HalfAway,  ///< to nearest, ties away from zero
};

/// `value` / 2^shift, rounded; total for every shift (63 and more leave only the rounding of the
/// sign).
constexpr int64_t round_shift(int64_t value, unsigned shift, Rounding rounding) {
    if (shift == 0) return value;
    if (shift > 62) return rounding == Rounding::Floor && value < 0 ? -1 : 0;
    const int64_t floor = value >> shift;
    const int64_t dropped = value & ((int64_t{1} << shift) - 1);
    const int64_t half = int64_t{1} << (shift - 1);
    if (rounding == Rounding::Floor || dropped < half) return floor;
    if (dropped > half || rounding == Rounding::HalfUp) return floor + 1;
    if (rounding == Rounding::HalfEven) return floor + (floor & 1);
    return value < 0 ? floor : floor + 1;
}

constexpr int64_t saturate(int64_t value, int64_t low, int64_t high) {
    return value < low ? low : value > high ? high : value;
}

template <typename T>
constexpr T saturate_to(int64_t value) {
    return static_cast<T>(
        saturate(value, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
}

/// A converter of the NPU: y = (x * scale >> shift) + offset, or y = (x + offset) * scale >> shift.
/// Not saturated: the caller knows the width of its result.
struct Requantise {
    int32_t scale = 1;
    uint32_t shift = 0;
    int32_t offset = 0;
    bool add_first = false;
    Rounding rounding = Rounding::HalfEven;

    constexpr int64_t operator()(int32_t value) const {
        if (add_first) return round_shift((int64_t{value} + offset) * scale, shift, rounding);
        return round_shift(int64_t{value} * scale, shift, rounding) + offset;
    }
};

// ---- floating point: all results are IEEE with ties to even; a NaN is always the one below ----
inline constexpr uint16_t k_fp16_nan = 0x7e00;
inline constexpr uint16_t k_bf16_nan = 0x7fc0;
inline constexpr uint32_t k_fp32_nan = 0x7fc00000;

/// Exact for every bit pattern, subnormals included.
constexpr float fp32_from_fp16(uint16_t half) {
    const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
    const uint32_t exponent = (half >> 10) & 0x1f;
    const uint32_t mantissa = half & 0x3ff;
    if (exponent == 0x1f) return std::bit_cast<float>(mantissa ? k_fp32_nan : sign | 0x7f800000);
    if (exponent == 0) {
        const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
        return std::bit_cast<float>(std::bit_cast<uint32_t>(magnitude) | sign);
    }
    return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

constexpr uint16_t fp16_from_fp32(float value) {
    const uint32_t bits = std::bit_cast<uint32_t>(value);
    const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
    const uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return k_fp16_nan;
    if (magnitude >= 0x477ff000) return static_cast<uint16_t>(sign | 0x7c00);  // 65520 and up
    if (magnitude < 0x38800000) {  // below 2^-14: the unit of the last place is 2^-24
        const uint32_t exponent = magnitude >> 23;
        if (exponent < 102) return sign;  // below 2^-25: rounds to zero
        const int64_t significand = (magnitude & 0x7fffff) | 0x800000;
        return static_cast<uint16_t>(sign |
                                     round_shift(significand, 126 - exponent, Rounding::HalfEven));
    }
    const int64_t rounded = round_shift(magnitude - 0x38000000, 13, Rounding::HalfEven);
    return static_cast<uint16_t>(sign | rounded);
}

constexpr float fp32_from_bf16(uint16_t value) {
    return std::bit_cast<float>(static_cast<uint32_t>(value) << 16);
}

constexpr uint16_t bf16_from_fp32(float value) {
    const uint32_t bits = std::bit_cast<uint32_t>(value);
    if ((bits & 0x7fffffff) > 0x7f800000) return k_bf16_nan;
    return static_cast<uint16_t>(round_shift(bits, 16, Rounding::HalfEven));
}

/// tf32 operands are fp32 words whose low 13 mantissa bits the array does not see.
constexpr float tf32_from_fp32(float value) {
    return std::bit_cast<float>(std::bit_cast<uint32_t>(value) & 0xffffe000U);
}

/// The one NaN; every other value unchanged.
constexpr float canonical(float value) {
    return value != value ? std::bit_cast<float>(k_fp32_nan) : value;
}

/// The sum of a[i] * b[i], formed exactly and rounded once to fp32 (ties to even): what the array
/// does with one group of products (hardware.md 5.7). Operands must be fp16, bf16 or tf32 values,
/// so that each product is exact in a double. An exact zero is +0; infinities and NaN follow IEEE.
float exact_dot(std::span<const float> a, std::span<const float> b);

}  // namespace rosenblatt::npu
