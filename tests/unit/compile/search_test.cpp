// SPDX-License-Identifier: MIT
// The wide searches, and our plans against them on the matrices of Qwen2.5-1.5B.
#include "compile/search.hpp"

#include <gtest/gtest.h>

#include "compile/planner.hpp"
#include "compile/tiling.hpp"

namespace rosenblatt::compile {
namespace {

struct Matrix {
    uint32_t k, n;
    double count;  ///< per prefill
};
constexpr Matrix k_qwen[] = {{1536, 1536, 56}, {1536, 256, 56}, {1536, 8960, 54}, {8960, 1536, 27}};

/// With slices as quant::row_format cuts them.
TilingRequest request_of(Matrix matrix) {
    TilingRequest request{.k = matrix.k, .n = matrix.n};
    if (matrix.k == 8960) request.slice_ends = {1504, 3008, 4512, 6016, 7520, 8960};
    return request;
}

Plan plan_of(uint32_t m, Matrix matrix, const Conditions& conditions) {
    return make_plan(m, tiling_for(request_of(matrix)).value(), conditions).value();
}

Conditions at(double clock_mhz) {
    Conditions conditions;
    conditions.machine.clock_mhz = clock_mhz;
    return conditions;
}

TEST(Search, APrefillIsWithinFivePercentOfTheFastestLegalTiling) {
    for (const double clock : {200.0, 600.0, 1000.0}) {
        double ours = 0;
        double fastest = 0;
        for (const Matrix& matrix : k_qwen) {
            const TilingRequest anywhere{.k = matrix.k, .n = matrix.n};
            ours += matrix.count * plan_of(512, matrix, at(clock)).time_ns;
            fastest += matrix.count * fastest_plan(512, anywhere, at(clock)).value().time_ns;
        }
        EXPECT_LE(ours, 1.05 * fastest) << clock << " MHz";
        EXPECT_GE(ours, 0.999 * fastest) << "the search missed a plan that exists";
        RecordProperty("ratio_at_" + std::to_string(static_cast<int>(clock)),
                       std::to_string(ours / fastest));
    }
}

TEST(Search, OnePackingOfEachMatrixServesEveryNumberOfRowsWithinFivePercent) {
    constexpr std::pair<uint32_t, double> k_cases[] = {
        {1, 1000}, {32, 200}, {65, 1000}, {200, 600}, {512, 1000}, {2048, 200}};
    for (const Matrix& matrix : k_qwen) {
        for (const auto& [m, clock] : k_cases) {
            const double fastest = fastest_plan(m, request_of(matrix), at(clock)).value().time_ns;
            EXPECT_LE(plan_of(m, matrix, at(clock)).time_ns, 1.05 * fastest)
                << m << " x " << matrix.k << " x " << matrix.n << " at " << clock << " MHz";
        }
    }
}

TEST(Search, NoPlanMovesFewerBytesThanTheLeast) {
    for (const Matrix& matrix : k_qwen) {
        for (const uint32_t m : {1U, 32U, 200U, 512U, 2048U}) {
            const uint64_t least = least_dma_bytes({m, matrix.k, matrix.n}, NumberType::Int8, {});
            EXPECT_LE(least, plan_of(m, matrix, at(600)).dma_bytes) << m << " rows";
            EXPECT_GE(least, uint64_t{matrix.k} * matrix.n + m * matrix.k + 4 * m * matrix.n);
        }
    }
}

TEST(Search, WhatFitsTheCbufIsMovedOnce) {
    EXPECT_EQ(least_dma_bytes({100, 512, 128}, NumberType::Int8, {}),
              100U * 512 + 512 * 128 + 4 * 100 * 128);
}

TEST(Search, ABareMatmulIsOneTaskWhereTheCbufAllowsIt) {
    Conditions conditions = at(1000);
    const auto tasks = [&](uint32_t m, uint32_t k, uint32_t n) {
        return bare_plan({m, k, n}, NumberType::Int8, conditions).value().tiles.size();
    };
    EXPECT_EQ(tasks(128, 1024, 8192), 1U);
    EXPECT_EQ(tasks(64, 2048, 2048), 1U);
    EXPECT_EQ(tasks(1, 8192, 4096), 1U);
    EXPECT_EQ(tasks(128, 2048, 2048), 2U);
    const Plan native = bare_plan({128, 2048, 2048}, NumberType::Int8, conditions).value();
    EXPECT_EQ(native.tiles[0].data_banks, 4U);
    EXPECT_NEAR(native.npu_ns, 0.797e6, 0.01e6);  // measured: field.md 4a
    conditions.layout_a = conditions.layout_c = Layout::RowMajor;
    const Plan rows = bare_plan({128, 2048, 2048}, NumberType::Int8, conditions).value();
    EXPECT_EQ(rows.tiles.size(), 1U);
    EXPECT_EQ(rows.tiles[0].data_banks, 8U);
}

}  // namespace
}  // namespace rosenblatt::compile
