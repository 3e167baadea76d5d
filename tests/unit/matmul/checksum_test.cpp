// SPDX-License-Identifier: MIT
#include "matmul/checksum.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "matmul/reference.hpp"

namespace rosenblatt::matmul {
namespace {

struct Tile {
    uint32_t m, k, n;
    std::vector<int8_t> a, w;
    std::vector<uint32_t> r, u;
    std::vector<int32_t> cube;  // [n/4][m][4]

    Tile(uint32_t rows, uint32_t channels, uint32_t columns, unsigned seed)
        : m(rows), k(channels), n(columns), a(m * k), w(n * k), r(n), u(k), cube(m * n) {
        std::mt19937 random(seed);
        for (int8_t& code : a) code = static_cast<int8_t>(random() % 255 - 127);
        for (int8_t& code : w) code = static_cast<int8_t>(random() % 255 - 127);
        for (uint32_t j = 0; j < n; ++j) {
            r[j] = column_weight(j);
            add_kernel(r[j], &w[j * k], k, u.data());
            for (uint32_t i = 0; i < m; ++i) at(i, j) = reference::dot(&a[i * k], &w[j * k], k);
        }
    }
    int32_t& at(uint32_t i, uint32_t j) { return cube[(j / 4 * m + i) * 4 + j % 4]; }
    bool proved() const {
        std::vector<uint32_t> sums(m);
        weighted_sums(cube.data(), m, n, r.data(), sums.data());
        for (uint32_t i = 0; i < m; ++i)
            if (sums[i] != expected_sum(&a[i * k], u.data(), k)) return false;
        return true;
    }
};

TEST(Checksum, RightTilesAreProvedForAnyNumberOfRows) {
    for (const uint32_t m : {1u, 3u, 64u, 65u, 200u}) EXPECT_TRUE(Tile(m, 96, 64, m).proved()) << m;
}

TEST(Checksum, AnySingleWrongElementIsSeen) {
    Tile tile(7, 64, 32, 1);
    std::mt19937 random(2);
    for (int trial = 0; trial < 2000; ++trial) {
        int32_t& element = tile.cube[random() % tile.cube.size()];
        const int32_t right = element;
        element = static_cast<int32_t>(static_cast<uint32_t>(right) ^ (1u << (random() % 32)));
        ASSERT_FALSE(tile.proved()) << "trial " << trial;
        element = right;
    }
}

TEST(Checksum, ExchangedColumnsAndRowsAreSeen) {
    Tile tile(5, 64, 32, 3);
    for (uint32_t i = 0; i < tile.m; ++i) std::swap(tile.at(i, 3), tile.at(i, 20));
    EXPECT_FALSE(tile.proved());
    for (uint32_t i = 0; i < tile.m; ++i) std::swap(tile.at(i, 3), tile.at(i, 20));
    EXPECT_TRUE(tile.proved());
    for (uint32_t j = 0; j < tile.n; ++j) std::swap(tile.at(1, j), tile.at(2, j));
    EXPECT_FALSE(tile.proved());
}

TEST(Checksum, ColumnWeightsAreOddAndAllDifferent) {
    std::set<uint32_t> seen;
    for (int64_t n = 0; n < 20000; ++n) {
        EXPECT_EQ(column_weight(n) % 2, 1u);
        seen.insert(column_weight(n));
    }
    EXPECT_GT(seen.size(), 19990u);
}

TEST(Checksum, APoisonedLineIsSeenUntilItIsWritten) {
    std::vector<int32_t> line(k_poison_words);
    poison_line(line.data());
    EXPECT_TRUE(poison_left(line.data()));
    line[9] = 0;
    EXPECT_FALSE(poison_left(line.data()));
}

TEST(Reference, SlicesAddInAscendingOrderThenTheColumnScale) {
    const int32_t slices[] = {100000001, -100000000, 3};
    const float scales[] = {1.0F, 1.0F, 0.5F};
    EXPECT_EQ(reference::scaled_sum(slices, scales, 2.0F), 2.0F * 1.5F);  // the 1 is lost in float
}

}  // namespace
}  // namespace rosenblatt::matmul
