// SPDX-License-Identifier: MIT
// Small integer helpers; everything is constexpr and total.
#pragma once

#include <concepts>
#include <cstdint>

namespace rosenblatt {

/// Smallest multiple of `unit` that is not below `value`; `unit` need not be a power of two.
template <std::unsigned_integral T>
constexpr T align_up(T value, T unit) {
    return (value + unit - 1) / unit * unit;
}

template <std::integral T>
constexpr T div_round_up(T value, T unit) {
    return (value + unit - 1) / unit;
}

/// Sign-extends the low `bits` bits of `value` (the NPU's signed fields are 16, 28 or 32 bits wide).
constexpr int32_t sign_extend(uint32_t value, unsigned bits) {
    const unsigned shift = 32 - bits;
    return static_cast<int32_t>(value << shift) >> shift;
}

}  // namespace rosenblatt
