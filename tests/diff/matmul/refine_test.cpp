// SPDX-License-Identifier: MIT
#include "matmul/refine.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "engine.hpp"

namespace rosenblatt::matmul {
namespace {

using Multiply = Result<Outcome> (*)(Device&, InputRows, std::span<const Output>,
                                     const ParallelFor&);

struct Rows {
    std::vector<const float*> x;
    std::vector<float*> y;
    std::vector<float> values;

    explicit Rows(const Problem& p) : values(static_cast<size_t>(p.m * p.n)) {
        for (int64_t m = 0; m < p.m; ++m) {
            x.push_back(p.x.data() + m * p.k);
            y.push_back(values.data() + m * p.n);
        }
    }
};

// Squared error over squared size, against the product in double.
double error_of(Engine& engine, const Problem& p, Pipeline pipeline, Multiply multiply) {
    auto weights = pack(*engine.device, {p.n, p.k}, p.source(), pipeline);
    EXPECT_TRUE(weights) << weights.error().message;
    Rows rows(p);
    const Output output{weights->get(), rows.y};
    const auto outcome = multiply(*engine.device, rows.x, {&output, 1}, run_serial);
    EXPECT_TRUE(outcome && *outcome == Outcome::Done);
    double error = 0, size = 0;
    for (int64_t m = 0; m < p.m; ++m)
        for (int64_t n = 0; n < p.n; ++n) {
            double exact = 0;
            for (int64_t k = 0; k < p.k; ++k)
                exact += double{p.x[static_cast<size_t>(m * p.k + k)]} *
                         double{p.w[static_cast<size_t>(n * p.k + k)]};
            const double difference = double{rows.values[static_cast<size_t>(m * p.n + n)]} - exact;
            error += difference * difference;
            size += exact * exact;
        }
    return error / size;
}

TEST(Refine, LeavesOnlyTheWeightsErrorWhereTheyAreRounded) {
    Engine engine;
    for (const auto& [m, k, n] : {std::array<int64_t, 3>{1, 256, 64}, {3, 4500, 40}, {8, 96, 33}}) {
        const Problem problem(m, k, n, 5);
        const double plain = error_of(engine, problem, Pipeline::W8A8H, multiply);
        const double refined = error_of(engine, problem, Pipeline::W8A8H, multiply_refined);
        EXPECT_LT(refined, 0.85 * plain) << m << "x" << k << "x" << n;
    }
}

TEST(Refine, LeavesNextToNoErrorWhereWeightsAreExact) {
    Engine engine;
    Problem problem(4, 320, 48, 6);
    std::mt19937 random(6);
    for (float& w : problem.w) w = static_cast<float>(static_cast<int>(random() % 255) - 127);
    for (int64_t n = 0; n < problem.n; ++n) problem.w[static_cast<size_t>(n * problem.k)] = 127;
    const double plain = error_of(engine, problem, Pipeline::W8A8, multiply);
    EXPECT_LT(error_of(engine, problem, Pipeline::W8A8, multiply_refined), plain / 10000);
}

TEST(Refine, TakesRowsWhoseRoundingErrorIsTooSmallToScale) {
    Engine engine;
    Problem problem(2, 64, 32, 7);
    for (float& x : problem.x) x *= 0x1p-56F;
    EXPECT_LT(error_of(engine, problem, Pipeline::W8A8H, multiply_refined), 1e-2);
}

TEST(Refine, LeavesRowsThatInt8CannotScaleToTheCpuAndYUntouched) {
    Engine engine;
    Problem problem(2, 64, 32, 8);
    problem.x[70] = std::numeric_limits<float>::quiet_NaN();
    auto weights = pack(*engine.device, {problem.n, problem.k}, problem.source(), Pipeline::W8A8H);
    ASSERT_TRUE(weights);
    Rows rows(problem);
    rows.values.assign(rows.values.size(), 42.0F);
    const Output output{weights->get(), rows.y};
    const auto outcome = multiply_refined(*engine.device, rows.x, {&output, 1});
    ASSERT_TRUE(outcome);
    EXPECT_EQ(*outcome, Outcome::OutOfRange);
    EXPECT_EQ(rows.values, std::vector<float>(rows.values.size(), 42.0F));
}

}  // namespace
}  // namespace rosenblatt::matmul
