// SPDX-License-Identifier: MIT
// Every instruction set converts fp16 to the plain form's bits.
#include "matmul/half_kernels.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "npu/convert.hpp"
#include "random_input.hpp"

namespace rosenblatt::matmul {
namespace {

std::vector<uint16_t> every_finite_half() {
    std::vector<uint16_t> codes;
    for (uint32_t code = 0; code < 0x10000; ++code)
        if ((code & 0x7c00) != 0x7c00) codes.push_back(static_cast<uint16_t>(code));
    return codes;
}

std::vector<uint16_t> halves_of(const std::vector<float>& x, float factor, Simd simd) {
    std::vector<uint16_t> codes(x.size());
    half_kernels(simd).to_half(x.data(), factor, x.size(), codes.data());
    return codes;
}

TEST(HalfKernels, WidenEveryNumberExactly) {
    const auto codes = every_finite_half();
    for (const Simd simd : sets_to_test()) {
        SCOPED_TRACE(name(simd));
        std::vector<float> values(codes.size());
        half_kernels(simd).to_float(codes.data(), codes.size(), values.data());
        for (size_t i = 0; i < codes.size(); ++i)
            ASSERT_EQ(std::bit_cast<uint32_t>(values[i]),
                      std::bit_cast<uint32_t>(npu::fp32_from_fp16(codes[i])))
                << codes[i];
    }
}

TEST(HalfKernels, RoundWhatLiesBetweenTwoNumbersToTheNearestAndTiesToEven) {
    std::vector<float> x;
    for (const uint16_t code : every_finite_half()) {
        const float value = npu::fp32_from_fp16(code);
        const float next = npu::fp32_from_fp16(static_cast<uint16_t>(code + 1));
        if (!std::isfinite(next)) continue;
        const float middle = (value + next) / 2;
        for (const float v :
             {value, middle, std::nextafter(middle, value), std::nextafter(middle, next)})
            x.push_back(v);
    }
    for (const Simd simd : sets_to_test()) {
        SCOPED_TRACE(name(simd));
        EXPECT_EQ(halves_of(x, 1, simd), halves_of(x, 1, Simd::Plain));
    }
}

TEST(HalfKernels, RoundScaledRowsOfAnyLengthAlike) {
    const uint64_t seed = fresh_seed();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    for (int trial = 0; trial < 500; ++trial) {
        std::normal_distribution<float> gauss(
            0, std::ldexp(1.0F, static_cast<int>(random() % 40) - 30));
        std::vector<float> x(1 + random() % 300);
        for (float& v : x) v = gauss(random);
        const float factor = std::ldexp(1.0F, static_cast<int>(random() % 8) - 4);
        for (const Simd simd : sets_to_test()) {
            SCOPED_TRACE(name(simd));
            EXPECT_EQ(halves_of(x, factor, simd), halves_of(x, factor, Simd::Plain));
        }
    }
}

}  // namespace
}  // namespace rosenblatt::matmul
