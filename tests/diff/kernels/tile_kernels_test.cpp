// SPDX-License-Identifier: MIT
// Every instruction set's tile loops give the plain ones' bits.
#include "matmul/tile_kernels.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "matmul/checksum.hpp"
#include "random_input.hpp"

namespace rosenblatt::matmul {
namespace {

class TileKernelsTest : public testing::Test {
  protected:
    uint64_t seed = fresh_seed();
    std::mt19937_64 random{seed};
    testing::ScopedTrace trace{__FILE__, __LINE__, "seed " + std::to_string(seed)};

    uint32_t up_to(uint32_t most) { return static_cast<uint32_t>(1 + random() % most); }
};

/// Random cubes, scales and column weights of one strip.
struct Results {
    uint32_t rows, columns, height, parts, slices;
    std::vector<int32_t> cubes;
    std::vector<float> row_scales, column_scales;
    std::vector<uint32_t> column_weights;

    uint32_t padded() const { return (columns + 3) / 4 * 4; }

    Results(uint32_t r, uint32_t n, uint32_t h, uint32_t p, uint32_t s, std::mt19937_64& random)
        : rows(r), columns(n), height(h), parts(p), slices(s),
          cubes(random_words<int32_t>(size_t{p} * h * padded(), random)),
          column_scales(n),
          column_weights(random_words<uint32_t>(padded(), random)) {
        std::normal_distribution<float> gauss;
        for (uint32_t i = 0; i < slices * rows; ++i) {
            const float scale = gauss(random);
            for (int j = 0; j < 4; ++j) row_scales.push_back(scale);
        }
        for (float& scale : column_scales) scale = gauss(random);
    }

    struct Scaled {
        std::vector<uint32_t> y, sums;
    };
    Scaled run(const TileKernels& kernels, bool with_sums, bool past_cache) const {
        const size_t stride = (columns + 15) / 16 * 16 + 16;
        std::vector<float> y(stride * rows + 16, -1.0F);
        float* aligned = y.data();
        while (reinterpret_cast<uintptr_t>(aligned) % 64 != 0) ++aligned;
        std::vector<float*> y_rows(rows);
        for (uint32_t i = 0; i < rows; ++i) y_rows[i] = aligned + i * stride;
        Scaled out;
        out.sums.assign(size_t{parts} * rows * 4, 7u);
        std::vector<StripPart> strip_parts(parts);
        for (uint32_t p = 0; p < parts; ++p)
            strip_parts[p] = {.cube = cubes.data() + size_t{p} * height * padded(),
                              .slice = p * slices / parts,
                              .column_weights = column_weights.data(),
                              .sums = with_sums ? out.sums.data() + size_t{p} * rows * 4 : nullptr};
        kernels.scale({.parts = strip_parts,
                       .surface = size_t{height} * 4,
                       .rows = rows,
                       .columns = columns,
                       .row_scales = row_scales.data(),
                       .column_scales = column_scales.data(),
                       .past_cache = past_cache},
                      y_rows.data());
        // What lies behind a row's last column must stay as it was.
        for (uint32_t i = 0; i < rows; ++i)
            for (size_t n = 0; n < stride; ++n)
                out.y.push_back(std::bit_cast<uint32_t>(y_rows[i][n]));
        return out;
    }
};

TEST_F(TileKernelsTest, ScaleAndSumLikeThePlainForm) {
    for (int trial = 0; trial < 150; ++trial) {
        const uint32_t rows = up_to(33), parts = up_to(6);
        const Results results(rows, up_to(200), rows + up_to(20), parts, up_to(parts), random);
        const bool with_sums = trial % 3 != 0;
        const auto plain = results.run(plain_tile_kernels(), with_sums, false);
        for (const Simd simd : sets_to_test()) {
            SCOPED_TRACE(std::string(name(simd)) + ", " + std::to_string(rows) + " rows, " +
                         std::to_string(results.columns) + " columns");
            const auto fast = results.run(tile_kernels(simd), with_sums, trial % 2 == 0);
            EXPECT_EQ(fast.y, plain.y);
            EXPECT_EQ(fast.sums, plain.sums);
        }
    }
}

TEST_F(TileKernelsTest, WeightedSumsLikeThePlainForm) {
    for (int trial = 0; trial < 100; ++trial) {
        const uint32_t rows = up_to(33), n = 4 * up_to(60), height = rows + up_to(9);
        const auto cube = random_words<int32_t>(size_t{height} * n, random);
        const auto r = random_words<uint32_t>(n, random);
        std::vector<uint32_t> plain(size_t{rows} * 4, 3u);
        plain_tile_kernels().weighted_sums(cube.data(), size_t{height} * 4, rows, n, r.data(),
                                           plain.data());
        for (const Simd simd : sets_to_test()) {
            SCOPED_TRACE(name(simd));
            std::vector<uint32_t> fast(size_t{rows} * 4, 3u);
            tile_kernels(simd).weighted_sums(cube.data(), size_t{height} * 4, rows, n, r.data(),
                                             fast.data());
            EXPECT_EQ(fast, plain);
        }
    }
}

TEST_F(TileKernelsTest, GroupSumsAreWeightedDotProductsWithU) {
    for (int trial = 0; trial < 60; ++trial) {
        const uint32_t k = 32 * up_to(60);
        const size_t stride = k + 64;
        const auto codes = random_words<int8_t>(stride * k_group_rows, random);
        const auto u = random_words<uint32_t>(k, random);
        std::vector<int16_t> halves(2 * size_t{k});
        split_halves(u, halves.data());
        std::vector<Simd> sets = sets_to_test();
        sets.push_back(Simd::Plain);
        for (const Simd simd : sets) {
            SCOPED_TRACE(name(simd));
            uint32_t expected = 0;
            for (uint32_t row = 0; row < k_group_rows; ++row)
                expected += row_weight(row) * expected_sum(codes.data() + row * stride, u.data(), k);
            EXPECT_EQ(tile_kernels(simd).group_sum(codes.data(), stride, halves.data(), k), expected);
        }
    }
}

TEST_F(TileKernelsTest, KernelsOfWeightsAddUpLikeThePlainForm) {
    for (const Simd simd : sets_to_test()) {
        const auto codes = random_words<int8_t>(4096, random);
        auto plain = random_words<uint32_t>(4096, random), fast = plain;
        const auto r = static_cast<uint32_t>(random());
        add_kernel(r, codes.data(), 4096, plain.data());
        tile_kernels(simd).add_kernel(r, codes.data(), 4096, fast.data());
        EXPECT_EQ(fast, plain) << name(simd);
    }
}

TEST_F(TileKernelsTest, FeaturesLandWhereThePlainFormPutsThem) {
    for (int trial = 0; trial < 100; ++trial) {
        const uint32_t k = 16 * up_to(30), rows = trial % 2 ? 4 * up_to(4) : up_to(16);
        const uint32_t first = trial % 2 ? 4 * (up_to(5) - 1) : up_to(9);
        const uint32_t height = (first + rows + up_to(9) + 3) / 4 * 4;
        const size_t stride = k + 64;
        const auto codes = random_words<int8_t>(stride * rows, random);
        struct alignas(16) Atom {  // a cube may begin anywhere between lines
            int8_t bytes[16];
            bool operator==(const Atom&) const = default;
        };
        const size_t offset = trial % 4 == 1 ? 1 : 0;
        std::vector<Atom> plain(size_t{k} / 16 * height + 5), fast = plain;
        const auto cube = [offset](std::vector<Atom>& atoms) {
            Atom* at = atoms.data();
            while (reinterpret_cast<uintptr_t>(at) % 64 != 0) ++at;
            return (at + offset)->bytes;
        };
        plain_tile_kernels().write_features(codes.data(), stride, rows, k, first, height,
                                            cube(plain));
        for (const Simd simd : sets_to_test()) {
            tile_kernels(simd).write_features(codes.data(), stride, rows, k, first, height,
                                              cube(fast));
            EXPECT_TRUE(std::equal(cube(fast), cube(fast) + size_t{k} * height, cube(plain)))
                << name(simd);
        }
    }
}

}  // namespace
}  // namespace rosenblatt::matmul
