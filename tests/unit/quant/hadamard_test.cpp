// SPDX-License-Identifier: MIT
#include "quant/hadamard.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <random>
#include <vector>

namespace rosenblatt::quant {
namespace {

/// Small integers: every sum below is exact in float, so equality is the right test.
std::vector<float> random_integers(int64_t n, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_int_distribution<int> any(-9, 9);
    std::vector<float> v(static_cast<size_t>(n));
    for (float& x : v) x = static_cast<float>(any(random));
    return v;
}

bool negated(int64_t k) {
    return (sign_word(k / 32) >> (k % 32)) & 1u;
}

TEST(Hadamard, EachOutputIsTheSignedSumOfItsBlock) {
    constexpr int64_t k = 192, block = 64;
    const std::vector<float> x = random_integers(k, 1);
    std::vector<float> rotated = x;
    rotate_row(rotated.data(), k, block);
    for (int64_t out = 0; out < k; ++out) {
        float expected = 0;
        const int64_t first = out / block * block;
        for (int64_t in = first; in < first + block; ++in) {
            const bool odd = std::popcount(static_cast<uint64_t>((in - first) & (out - first))) % 2;
            const float value = x[static_cast<size_t>(in)];
            expected += odd != negated(in) ? -value : value;
        }
        EXPECT_EQ(rotated[static_cast<size_t>(out)], expected) << "output " << out;
    }
}

TEST(Hadamard, RotatingBothSidesKeepsTheDotProductTimesTheBlockSize) {
    for (const int64_t block : {32, 256, 512}) {
        const int64_t k = 3 * block;
        std::vector<float> x = random_integers(k, 2), w = random_integers(k, 3);
        float plain = 0, turned = 0;
        for (size_t i = 0; i < x.size(); ++i) plain += x[i] * w[i];
        rotate_row(x.data(), k, block);
        rotate_row(w.data(), k, block);
        for (size_t i = 0; i < x.size(); ++i) turned += x[i] * w[i];
        EXPECT_EQ(turned, plain * static_cast<float>(block));
    }
}

TEST(Hadamard, ASingleOutlierSpreadsEvenlyOverItsBlock) {
    std::vector<float> x(512, 0.0F);
    x[300] = 100.0F;
    rotate_row(x.data(), 512, 256);
    for (size_t i = 0; i < 256; ++i) EXPECT_EQ(x[i], 0.0F);
    for (size_t i = 256; i < 512; ++i) EXPECT_EQ(std::abs(x[i]), 100.0F);
}

TEST(Hadamard, SignsAreBalancedAndFixedForever) {
    int negative = 0;
    for (int64_t word = 0; word < 1024; ++word) negative += std::popcount(sign_word(word));
    EXPECT_NEAR(negative, 16384, 400);
    // A change here changes every packed weight and every result.
    EXPECT_EQ(sign_word(0), 704587145u);
    EXPECT_EQ(sign_word(1), 2364809458u);
}

}  // namespace
}  // namespace rosenblatt::quant
