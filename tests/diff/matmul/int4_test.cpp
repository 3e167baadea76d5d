// SPDX-License-Identifier: MIT
// w4a8: two products of int4 halves are one product of int8 with int4, and nothing saturates.
#include "quant/int4.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "compile/pack_features.hpp"
#include "engine.hpp"

namespace rosenblatt::matmul {
namespace {

void expect_w4a8_truth(Engine& engine, const Problem& problem,
                       const ParallelFor& parallel_for = run_serial) {
    expect_truth(engine, problem, Pipeline::W4A8, parallel_for);
    EXPECT_EQ(engine.device->stats().checksum.mismatch, 0u);
}

TEST(W4a8, EveryCodeOfAnActivationIsTheSumOfTwoInt4) {
    for (int code = -119; code <= 119; ++code) {
        const int high = compile::high_half(static_cast<int8_t>(code));
        const int low = compile::low_half(static_cast<int8_t>(code));
        EXPECT_EQ(16 * high + low, code);
        EXPECT_TRUE(high >= -8 && high <= 7 && low >= -8 && low <= 7) << code;
    }
}

TEST(W4a8, RandomShapesEqualTheReferenceBitForBit) {
    const uint64_t seed = fresh_seed();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    Engine engine;
    for (unsigned trial = 0; trial < 16; ++trial) {
        const auto m = static_cast<int64_t>(1 + random() % 150);
        const auto k = static_cast<int64_t>(1 + random() % 700);
        const auto n = static_cast<int64_t>(1 + random() % 400);
        expect_w4a8_truth(engine, Problem(m, k, n, random()), threads(1 + trial % 3));
    }
    EXPECT_GT(engine.device->stats().checksum.checked, 0u);
}

TEST(W4a8, ShapesOfRealModelsEqualTheReferenceBitForBit) {
    Engine engine;
    const int64_t shapes[][3] = {{1, 1536, 256}, {2, 896, 128},   {6, 256, 1024}, {33, 4864, 96},
                                 {5, 8960, 64},  {130, 2048, 96}, {700, 64, 64}};
    for (const auto& [m, k, n] : shapes) expect_w4a8_truth(engine, Problem(m, k, n, 1));
}

TEST(W4a8, LanesTaskSizesAndVerificationDoNotChangeASingleBit) {
    const Problem problem(90, 2500, 200, 3);
    const std::vector<float> truth = problem.truth(Pipeline::W4A8);
    for (const unsigned lanes : {1u, 2u, 5u})
        for (const Verify verify : {Verify::Checksum, Verify::Full, Verify::Off}) {
            DeviceOptions options;
            options.lanes = lanes;
            options.verify = verify;
            options.limits.max_m = 20 + 31 * lanes;
            options.limits.max_n = 64 * lanes;
            Engine engine(options);
            EXPECT_EQ(differing(run(engine, problem, Pipeline::W4A8), truth), 0u)
                << lanes << " lanes, " << name(verify);
            EXPECT_EQ(engine.device->stats().checksum.mismatch, 0u);
        }
}

TEST(W4a8, WeightsTakeHalfTheBytes) {
    EXPECT_EQ(2 * packed_bytes({1536, 8960}, Pipeline::W4A8),
              packed_bytes({1536, 8960}, Pipeline::W8A8H));
}

/// Rows of W are +-1 throughout once they are rotated: no bound but the proven one holds. Rows of X
/// are some of them, so the largest sums do occur.
Problem worst_case(int64_t k) {
    const int64_t block = quant::row_format(Pipeline::W4A8, k).block;
    Problem problem(4, k, 96, 1);
    const auto fill = [&](std::vector<float>& rows) {
        for (size_t i = 0; i < rows.size(); ++i) {
            const int64_t row = static_cast<int64_t>(i) / k;
            rows[i] = static_cast<int64_t>(i) % block == row ? 1.0F : 0.0F;
        }
    };
    fill(problem.w);
    fill(problem.x);
    return problem;
}

TEST(W4a8, NoSumLeavesInt16WhateverTheWeights) {
    for (const int64_t k : {512, 1024, 1536, 4608}) {
        const quant::RowFormat format = quant::row_format(Pipeline::W4A8, k);
        const Problem problem = worst_case(k);
        std::vector<float> scratch(static_cast<size_t>(format.k_padded));
        std::vector<int8_t> codes(scratch.size());
        float scale = 0;
        ASSERT_EQ(quant::quantise_int4_row(format, problem.w.data(), scratch.data(), codes.data(),
                                           &scale),
                  quant::RowCheck::Good);
        EXPECT_LE(quant::largest_slice_sum(format, codes.data()), quant::k_int4_slice_sum);
        const int any = std::abs(codes.front());  // all are of one magnitude
        EXPECT_EQ(any == quant::k_int4_most, k == 512) << any << ": sevens would exceed the bound";
        Engine engine;
        expect_w4a8_truth(engine, problem);
    }
}

TEST(W4a8, RowsOfZerosAndOfTinyValuesArePacked) {
    Engine engine;
    Problem problem(5, 96, 70, 4);
    std::fill_n(problem.w.begin(), 96, 0.0F);
    std::fill_n(problem.w.begin() + 96, 96, 1e-15F);
    expect_w4a8_truth(engine, problem);
    std::fill(problem.w.begin(), problem.w.end(), 0.0F);
    expect_w4a8_truth(engine, problem);
}

}  // namespace
}  // namespace rosenblatt::matmul
