// SPDX-License-Identifier: MIT
// exact_dot: quick when a double holds the sum exactly, else by a fixed-point number as wide as
// fp32's range.
#include "npu/convert.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace rosenblatt::npu {
namespace {

__extension__ using Wide = __int128;
__extension__ using UnsignedWide = unsigned __int128;

/// A two's complement fixed-point number that holds any sum of products of fp32-ranged values
/// exactly. Bit 0 weighs 2^-353 (the least product, of tf32 subnormals, is 2^-272 and a double
/// carries 53 bits); of the 640 bits 25 lie above the greatest sum of 32 products, 2^261.
class WideSum {
  public:
    void add(double value) {
        int exponent = 0;
        const double fraction = std::frexp(value, &exponent);
        const int64_t significand = static_cast<int64_t>(std::ldexp(fraction, 53));
        const unsigned position = static_cast<unsigned>(exponent - 53 + k_bias);
        const Wide shifted = static_cast<Wide>(significand) << (position % 64);
        add_at(position / 64, static_cast<uint64_t>(shifted), static_cast<uint64_t>(shifted >> 64),
               significand < 0);
    }

    float rounded() const {
        std::array<uint64_t, k_limbs> magnitude = limbs_;
        const bool negative = magnitude.back() >> 63;
        if (negative) negate(magnitude);
        size_t top = k_limbs;
        while (top > 0 && magnitude[top - 1] == 0) --top;
        if (top == 0) return 0.0F;
        const float value = round_magnitude(magnitude, top - 1);
        return negative ? -value : value;
    }

  private:
    static constexpr size_t k_limbs = 10;
    static constexpr int k_bias = 300 + 53;

    void add_at(size_t limb, uint64_t low, uint64_t high, bool negative) {
        UnsignedWide carry = 0;
        for (size_t i = limb; i < k_limbs; ++i) {
            const uint64_t term = i == limb ? low : i == limb + 1 ? high : negative ? ~0ULL : 0;
            carry += static_cast<UnsignedWide>(limbs_[i]) + term;
            limbs_[i] = static_cast<uint64_t>(carry);
            carry >>= 64;
        }
    }

    static void negate(std::array<uint64_t, k_limbs>& value) {
        bool carry = true;
        for (uint64_t& limb : value) {
            limb = ~limb + carry;
            carry = carry && limb == 0;
        }
    }

    /// Takes the 64 bits below the leading one, with a sticky last bit, and rounds them once.
    static float round_magnitude(const std::array<uint64_t, k_limbs>& value, size_t top) {
        const int zeros = std::countl_zero(value[top]);
        uint64_t leading = value[top] << zeros;
        bool sticky = false;
        if (top > 0) {
            if (zeros > 0) leading |= value[top - 1] >> (64 - zeros);
            sticky = zeros > 0 ? (value[top - 1] << zeros) != 0 : value[top - 1] != 0;
            for (size_t i = 0; i + 1 < top; ++i) sticky = sticky || value[i] != 0;
        }
        const int exponent = static_cast<int>(top) * 64 - zeros - k_bias;  // of bit 0 of `leading`
        return round_to_fp32(leading | (sticky ? 1 : 0), exponent);
    }

    static float round_to_fp32(uint64_t leading, int exponent) {
        // 24 significant bits, fewer where the result is subnormal (its last place is 2^-149).
        const int drop = std::max(40, -149 - exponent);
        if (drop > 64) return 0.0F;
        uint64_t kept = drop == 64 ? 0 : leading >> drop;
        const uint64_t rest = drop == 64 ? leading : leading << (64 - drop);
        constexpr uint64_t half = 1ULL << 63;
        if (rest > half || (rest == half && (kept & 1))) ++kept;
        return std::ldexp(static_cast<float>(kept), exponent + drop);
    }

    std::array<uint64_t, k_limbs> limbs_{};
};

float wide_dot(std::span<const float> a, std::span<const float> b) {
    WideSum sum;
    for (size_t i = 0; i < a.size(); ++i) {
        const double product = static_cast<double>(a[i]) * static_cast<double>(b[i]);
        if (product != 0) sum.add(product);
    }
    return sum.rounded();
}

}  // namespace

float exact_dot(std::span<const float> a, std::span<const float> b) {
    double sum = 0;
    bool exact = true;
    for (size_t i = 0; i < a.size(); ++i) {
        const double product = static_cast<double>(a[i]) * static_cast<double>(b[i]);
        const double next = sum + product;
        // Knuth's TwoSum: the error of the addition, exactly.
        const double part = next - sum;
        const double error = (sum - (next - part)) + (product - part);
        exact = exact && error == 0;  // false for NaN, which infinities make
        sum = next;
    }
    if (!exact && std::isfinite(sum)) return wide_dot(a, b);
    if (sum == 0) return 0.0F;
    return canonical(static_cast<float>(sum));
}

}  // namespace rosenblatt::npu
