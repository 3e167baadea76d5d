// SPDX-License-Identifier: MIT
#include "matmul/half_checksum.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "matmul/checksum.hpp"
#include "matmul/reference.hpp"
#include "npu/convert.hpp"

namespace rosenblatt::matmul {
namespace {

/// fp16 values over `binades` powers of two below 1, either sign, some zero.
float random_half(std::mt19937& random, unsigned binades) {
    const float magnitude = 1 + static_cast<float>(random() % 1024) / 1024;
    const float scaled = std::ldexp(magnitude, -static_cast<int>(random() % binades));
    return random() % 16 == 0 ? 0.0F : random() % 2 == 0 ? scaled : -scaled;
}

struct Tile {
    uint32_t m, k, n;
    std::vector<float> a, w;
    std::vector<HalfPair> r;
    HalfSums block;
    std::vector<float> cube;  // [n/4][m][4]

    Tile(uint32_t rows, uint32_t channels, uint32_t columns, unsigned binades, unsigned seed)
        : m(rows), k(channels), n(columns), a(m * k), w(n * k), block(k), cube(m * n) {
        std::mt19937 random(seed);
        for (float& value : a) value = random_half(random, binades);
        for (float& value : w) value = random_half(random, binades);
        for (uint32_t j = 0; j < n; ++j) {
            r.push_back(half_column_weight(column_weight(j)));
            std::vector<uint16_t> codes(k);
            std::transform(&w[j * k], &w[j * k] + k, codes.begin(), npu::fp16_from_fp32);
            add_half_kernel(r[j], codes.data(), block);
            for (uint32_t i = 0; i < m; ++i)
                at(i, j) = reference::half_dot(&a[i * k], &w[j * k], k);
        }
    }
    float& at(uint32_t i, uint32_t j) { return cube[(j / 4 * m + i) * 4 + j % 4]; }
    HalfExpected expected(uint32_t i) const { return expected_half_sum(&a[i * k], block, k, n); }
    bool proved() const {
        std::vector<HalfPair> sums(m);
        weighted_half_sums(cube.data(), m, n, r.data(), sums.data());
        for (uint32_t i = 0; i < m; ++i)
            if (!expected(i).allows(sums[i])) return false;
        return true;
    }
};

TEST(HalfChecksum, RightTilesAreProvedWhateverTheSpreadOfTheirValues) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    for (const unsigned binades : {1u, 4u, 15u, 24u})
        for (const uint32_t m : {1u, 7u, 40u})
            EXPECT_TRUE(Tile(m, 32 * m, 48, binades, seed).proved()) << binades << " " << m;
}

TEST(HalfChecksum, ATileWhoseRoundingsAllGoOneWayIsStillProved) {
    // Behind a first group of 2^24 every further group adds 1.5 units of the last place and comes
    // out half a unit too large or too small, always the same way.
    Tile tile(1, 512, 16, 1, 1);
    std::fill(tile.a.begin(), tile.a.end(), 0.0F);
    tile.a[0] = tile.a[1] = 4096;
    for (uint32_t g = 1; g < 16; ++g) tile.a[g * 32] = 3;
    std::fill(tile.w.begin(), tile.w.end(), 0.0F);
    tile.block = HalfSums(512);
    for (uint32_t j = 0; j < tile.n; ++j) {
        float* w = &tile.w[j * 512];
        const float sign = tile.r[j].first < 0 ? -1.0F : 1.0F;  // errors of all columns add up
        for (uint32_t c = 0; c < 512; ++c)
            if (tile.a[c] != 0) w[c] = sign * (c < 2 ? 2048.0F : 1.0F);
        std::vector<uint16_t> codes(512);
        std::transform(w, w + 512, codes.begin(), npu::fp16_from_fp32);
        add_half_kernel(tile.r[j], codes.data(), tile.block);
        tile.at(0, j) = reference::half_dot(tile.a.data(), w, 512);
        EXPECT_NE(double{tile.at(0, j)}, sign * (16777216.0 + 15 * 3)) << "something was rounded";
    }
    EXPECT_TRUE(tile.proved());
}

TEST(HalfChecksum, NoErrorLargerThanTheToleranceIsMissed) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    Tile tile(7, 256, 64, 4, seed);
    std::mt19937 random(seed);
    for (int trial = 0; trial < 2000; ++trial) {
        const auto i = static_cast<uint32_t>(random() % tile.m);
        float& element = tile.at(i, static_cast<uint32_t>(random() % tile.n));
        const float right = element;
        const uint32_t bits = std::bit_cast<uint32_t>(right) ^ 1u << (random() % 32);
        element = std::bit_cast<float>(bits);
        const double error = std::abs(double{element} - double{right});
        if (tile.proved()) {
            ASSERT_LE(error, 2 * tile.expected(i).tolerance) << "trial " << trial;
        }
        element = right;
    }
}

TEST(HalfChecksum, TwoErrorsThatCancelInOneSumAreSeenInTheOther) {
    Tile tile(1, 256, 64, 4, 5);
    std::vector<HalfPair> right(1), sums(1);
    weighted_half_sums(tile.cube.data(), 1, tile.n, tile.r.data(), right.data());
    for (uint32_t j = 1; j < tile.n; ++j) {
        const Tile kept = tile;
        const double error = 1000 * tile.expected(0).tolerance;
        tile.at(0, 0) += static_cast<float>(error);
        tile.at(0, j) -= static_cast<float>(error * tile.r[0].first / tile.r[j].first);
        weighted_half_sums(tile.cube.data(), 1, tile.n, tile.r.data(), sums.data());
        EXPECT_LT(std::abs(sums[0].first - right[0].first), tile.expected(0).tolerance);
        EXPECT_FALSE(tile.proved()) << "columns 0 and " << j;
        tile = kept;
    }
}

TEST(HalfChecksum, TheToleranceIsSmallBesideTheResults) {
    Tile tile(8, 512, 128, 4, 3);
    for (uint32_t i = 0; i < tile.m; ++i) {
        double square = 0;
        for (uint32_t j = 0; j < tile.n; ++j) square += std::pow(tile.at(i, j), 2);
        EXPECT_LT(tile.expected(i).tolerance, 0.05 * std::sqrt(square / tile.n));
    }
}

TEST(HalfChecksum, ExchangedColumnsAndRowsAndNanAreSeen) {
    Tile tile(5, 64, 32, 4, 3);
    for (uint32_t i = 0; i < tile.m; ++i) std::swap(tile.at(i, 3), tile.at(i, 20));
    EXPECT_FALSE(tile.proved());
    for (uint32_t i = 0; i < tile.m; ++i) std::swap(tile.at(i, 3), tile.at(i, 20));
    EXPECT_TRUE(tile.proved());
    for (uint32_t j = 0; j < tile.n; ++j) std::swap(tile.at(1, j), tile.at(2, j));
    EXPECT_FALSE(tile.proved());
    for (uint32_t j = 0; j < tile.n; ++j) std::swap(tile.at(1, j), tile.at(2, j));
    tile.at(4, 31) = std::numeric_limits<float>::quiet_NaN();
    EXPECT_FALSE(tile.proved());
}

TEST(HalfChecksum, ColumnWeightsHaveBothSignsAndMagnitudesFromOneToTwo) {
    int negative = 0, unlike = 0;
    for (int64_t n = 0; n < 10000; ++n) {
        const HalfPair r = half_column_weight(column_weight(n));
        for (const double each : {r.first, r.second}) {
            EXPECT_GE(std::abs(each), 1.0);
            EXPECT_LT(std::abs(each), 2.0);
            negative += each < 0;
        }
        unlike += (r.first < 0) != (r.second < 0);
    }
    EXPECT_NEAR(negative, 10000, 420);
    EXPECT_NEAR(unlike, 5000, 300);
}

}  // namespace
}  // namespace rosenblatt::matmul
