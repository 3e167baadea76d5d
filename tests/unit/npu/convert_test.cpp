// SPDX-License-Identifier: MIT
// The arithmetic of npu/convert against definitions that share no code with it.
#include "npu/convert.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>
#include <vector>

namespace rosenblatt::npu {
namespace {

constexpr uint32_t k_seed = 20261122;

/// Rounds value / 2^shift by long division on the magnitude; nothing in common with round_shift.
int64_t divide_rounded(int64_t value, unsigned shift, Rounding rounding) {
    const long double quotient =
        std::ldexp(static_cast<long double>(value), -static_cast<int>(shift));
    const long double low = std::floor(quotient);
    const long double rest = quotient - low;
    if (rounding == Rounding::Floor || rest < 0.5L) return static_cast<int64_t>(low);
    if (rest > 0.5L) return static_cast<int64_t>(low) + 1;
    if (rounding == Rounding::HalfUp) return static_cast<int64_t>(low) + 1;
    if (rounding == Rounding::HalfAway) return static_cast<int64_t>(value < 0 ? low : low + 1);
    return static_cast<int64_t>(std::fmod(low, 2.0L) == 0 ? low : low + 1);
}

constexpr std::array k_roundings = {Rounding::Floor, Rounding::HalfEven, Rounding::HalfUp,
                                    Rounding::HalfAway};

TEST(RoundShift, AgreesWithDivisionForEverySmallValueAndShift) {
    for (const Rounding rounding : k_roundings)
        for (int64_t value = -5000; value <= 5000; ++value)
            for (unsigned shift = 0; shift < 16; ++shift)
                ASSERT_EQ(round_shift(value, shift, rounding),
                          divide_rounded(value, shift, rounding))
                    << value << " >> " << shift << " mode " << static_cast<int>(rounding);
}

TEST(RoundShift, IsTotalForHugeShifts) {
    EXPECT_EQ(round_shift(-1, 63, Rounding::Floor), -1);
    EXPECT_EQ(round_shift(-1, 4095, Rounding::HalfEven), 0);
    EXPECT_EQ(round_shift(INT64_MAX, 4095, Rounding::HalfUp), 0);
    EXPECT_EQ(round_shift(INT64_MIN, 62, Rounding::HalfUp), -2);
}

TEST(Requantise, MultipliesFirstUnlessTold) {
    const Requantise multiply_first{.scale = 3, .shift = 1, .offset = -5};
    const Requantise add_first{.scale = 3, .shift = 1, .offset = -5, .add_first = true};
    EXPECT_EQ(multiply_first(7), 10 - 5);  // 10.5 is a tie: even
    EXPECT_EQ(add_first(7), 3);
    EXPECT_EQ(multiply_first(INT32_MIN), (int64_t{INT32_MIN} * 3) / 2 - 5);
}

/// The value of an fp16 pattern by its definition.
double value_of_fp16(uint16_t bits) {
    const int exponent = (bits >> 10) & 31;
    const int mantissa = bits & 1023;
    const double magnitude =
        exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    return bits & 0x8000 ? -magnitude : magnitude;
}

TEST(Fp16, EveryPatternWidensToItsValueAndComesBack) {
    for (uint32_t bits = 0; bits < 0x10000; ++bits) {
        const uint16_t half = static_cast<uint16_t>(bits);
        const float wide = fp32_from_fp16(half);
        if ((bits & 0x7c00) == 0x7c00 && (bits & 0x3ff)) {
            ASSERT_EQ(std::bit_cast<uint32_t>(wide), k_fp32_nan);
            ASSERT_EQ(fp16_from_fp32(wide), k_fp16_nan);
            continue;
        }
        if ((bits & 0x7fff) < 0x7c00) {
            ASSERT_EQ(wide, value_of_fp16(half));
        } else {
            ASSERT_TRUE(std::isinf(wide));
        }
        ASSERT_EQ(std::signbit(wide), (bits >> 15) != 0);
        ASSERT_EQ(fp16_from_fp32(wide), half);
    }
}

TEST(Fp16, EveryMidpointRoundsToEvenAndItsNeighboursToTheNearest) {
    for (uint16_t half = 0; half < 0x7c00; ++half) {
        const uint16_t next = static_cast<uint16_t>(half + 1);
        const double above = next == 0x7c00 ? 65536.0 : value_of_fp16(next);
        const float middle = static_cast<float>((value_of_fp16(half) + above) / 2);
        ASSERT_EQ(fp16_from_fp32(middle), half & 1 ? next : half);
        ASSERT_EQ(fp16_from_fp32(std::nextafter(middle, 0.0F)), half);
        ASSERT_EQ(fp16_from_fp32(std::nextafter(middle, 1e9F)), next);
        ASSERT_EQ(fp16_from_fp32(-middle), 0x8000 | (half & 1 ? next : half));
    }
}

TEST(Bf16, RoundsToNearestEvenOverEveryPairOfNeighbours) {
    for (uint32_t bits = 0; bits < 0x7f80; ++bits) {
        const uint32_t wide = bits << 16;
        const auto narrow = [](uint32_t pattern) {
            return bf16_from_fp32(std::bit_cast<float>(pattern));
        };
        ASSERT_EQ(narrow(wide), bits);
        ASSERT_EQ(narrow(wide | 0x7fff), bits);
        ASSERT_EQ(narrow(wide | 0x8000), bits + (bits & 1));
        ASSERT_EQ(narrow(wide | 0x8001), bits + 1);
        ASSERT_EQ(narrow(wide | 0x80008000), 0x8000 + bits + (bits & 1));
    }
    EXPECT_EQ(bf16_from_fp32(std::nanf("")), k_bf16_nan);
}

TEST(Tf32, DropsThirteenBitsWithoutRounding) {
    EXPECT_EQ(std::bit_cast<uint32_t>(tf32_from_fp32(std::bit_cast<float>(0x3f801fffU))),
              0x3f800000U);
    EXPECT_EQ(std::bit_cast<uint32_t>(tf32_from_fp32(std::bit_cast<float>(0xbf803fffU))),
              0xbf802000U);
}

/// Exact for fp16 operands: products are multiples of 2^-48 below 2^32, 32 of them fit 128 bits.
__extension__ using Int128 = __int128;
float exact_fp16_dot(const std::vector<uint16_t>& a, const std::vector<uint16_t>& b) {
    Int128 sum = 0;
    for (size_t i = 0; i < a.size(); ++i)
        sum += static_cast<Int128>(std::ldexp(value_of_fp16(a[i]), 24)) *
               static_cast<Int128>(std::ldexp(value_of_fp16(b[i]), 24));
    if (sum == 0) return 0.0F;
    const bool negative = sum < 0;
    Int128 magnitude = negative ? -sum : sum;
    int shift = 0;  // bring it to 24 bits, half to even, by hand
    while ((magnitude >> shift) >= (Int128{1} << 24)) ++shift;
    Int128 kept = magnitude >> shift;
    const Int128 rest = magnitude - (kept << shift);
    const Int128 half = shift ? Int128{1} << (shift - 1) : 1;
    if (rest > half || (rest == half && (kept & 1))) ++kept;
    const float value = std::ldexp(static_cast<float>(static_cast<int64_t>(kept)), shift - 48);
    return negative ? -value : value;
}

std::vector<float> widened(const std::vector<uint16_t>& halves) {
    std::vector<float> wide;
    for (const uint16_t half : halves) wide.push_back(fp32_from_fp16(half));
    return wide;
}

TEST(ExactDot, RoundsOnceOverTheWholeRangeOfFp16) {
    std::mt19937 random(k_seed);
    SCOPED_TRACE(k_seed);
    for (int run = 0; run < 60000; ++run) {
        // Few exponents, all exponents, and cancelling pairs, in turn.
        const unsigned spread = run % 3 == 0 ? 4 : 31;
        std::vector<uint16_t> a(32);
        std::vector<uint16_t> b(32);
        for (size_t i = 0; i < 32; ++i) {
            const auto draw = [&] {
                return static_cast<uint16_t>((random() & 0x83ff) | (random() % spread) << 10);
            };
            a[i] = draw();
            b[i] = draw();
            if (run % 3 == 2 && i % 2 == 1) {
                a[i] = a[i - 1];
                b[i] = static_cast<uint16_t>(b[i - 1] ^ 0x8000 ^ (random() % 64 == 0));
            }
        }
        ASSERT_EQ(exact_dot(widened(a), widened(b)), exact_fp16_dot(a, b)) << "run " << run;
    }
}

TEST(ExactDot, HoldsTheWholeRangeOfBf16) {
    const float big = 0x1.fep127F;
    const float small = 0x1p-133F;
    // 2^255-ish cancels and only the product of two least subnormals is left; it underflows fp32.
    EXPECT_EQ(exact_dot(std::array{big, big, small}, std::array{big, -big, small}), 0.0F);
    // The least subnormal of fp32 survives beside a cancelled giant.
    EXPECT_EQ(exact_dot(std::array{big, 0x1p-100F, big}, std::array{big, 0x1p-49F, -big}),
              0x1p-149F);
    // A tie broken by something 300 binary places below.
    EXPECT_EQ(exact_dot(std::array{1.0F, 0x1p-24F, 0x1p-100F}, std::array{1.0F, 1.0F, 0x1p-100F}),
              0x1.000002p0F);
    EXPECT_EQ(exact_dot(std::array{1.0F, 0x1p-24F}, std::array{1.0F, 1.0F}), 1.0F);
    EXPECT_EQ(exact_dot(std::array{big, big}, std::array{big, big}), INFINITY);
}

TEST(ExactDot, FollowsIeeeForInfinitiesAndHasOneNan) {
    const auto bits = [](float value) { return std::bit_cast<uint32_t>(value); };
    EXPECT_EQ(exact_dot(std::array{INFINITY, 1.0F}, std::array{2.0F, 3.0F}), INFINITY);
    EXPECT_EQ(bits(exact_dot(std::array{INFINITY}, std::array{0.0F})), k_fp32_nan);
    EXPECT_EQ(bits(exact_dot(std::array{INFINITY, INFINITY}, std::array{1.0F, -1.0F})), k_fp32_nan);
    EXPECT_EQ(bits(exact_dot(std::array{-0.0F}, std::array{1.0F})), 0U);
}

}  // namespace
}  // namespace rosenblatt::npu
