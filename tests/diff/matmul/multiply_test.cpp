// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "engine.hpp"

namespace rosenblatt::matmul {
namespace {

TEST(Multiply, RandomShapesEqualTheReferenceBitForBit) {
    const uint64_t seed = fresh_seed();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    Engine engine;
    for (int trial = 0; trial < 24; ++trial) {
        const auto m = static_cast<int64_t>(1 + random() % 150);
        const auto k = static_cast<int64_t>(1 + random() % 700);
        const auto n = static_cast<int64_t>(1 + random() % 400);
        const Pipeline pipeline = trial % 2 == 0 ? Pipeline::W8A8H : Pipeline::W8A8;
        expect_truth(engine, Problem(m, k, n, random()), pipeline);
    }
    EXPECT_EQ(engine.device->stats().checksum.mismatch, 0u);
    EXPECT_GT(engine.device->stats().checksum.checked, 0u);
}

TEST(Multiply, ShapesOfRealModelsEqualTheReferenceBitForBit) {
    Engine engine;
    const int64_t shapes[][3] = {{1, 1536, 256}, {2, 896, 128}, {3, 1536, 64},  {6, 256, 1024},
                                 {33, 4864, 96}, {5, 8960, 64}, {130, 2048, 96}};
    for (const auto& [m, k, n] : shapes) expect_truth(engine, Problem(m, k, n, 1), Pipeline::W8A8H);
    EXPECT_EQ(engine.device->stats().checksum.mismatch, 0u);
}

TEST(Multiply, LanesAndThreadsDoNotChangeASingleBit) {
    const Problem problem(70, 4500, 330, 2);
    const std::vector<float> truth = problem.truth(Pipeline::W8A8H);
    for (const unsigned lanes : {1u, 2u, 3u, 5u}) {
        DeviceOptions options;
        options.lanes = lanes;
        Engine engine(options);
        for (const unsigned count : {1u, 3u})
            EXPECT_EQ(differing(run(engine, problem, Pipeline::W8A8H, threads(count)), truth), 0u)
                << lanes << " lanes, " << count << " threads";
    }
}

TEST(Multiply, SmallerTasksDoNotChangeASingleBit) {
    const Problem problem(90, 2500, 200, 3);
    const std::vector<float> truth = problem.truth(Pipeline::W8A8H);
    const uint64_t seed = fresh_seed();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    for (int trial = 0; trial < 6; ++trial) {
        DeviceOptions options;
        options.limits.cbuf_banks = static_cast<uint32_t>(3 + random() % 9);
        options.limits.max_m = static_cast<uint32_t>(7 + random() % 90);
        options.limits.max_k = static_cast<uint32_t>(32 * (8 + random() % 16));
        options.limits.max_n = static_cast<uint32_t>(32 * (1 + random() % 6));
        Engine engine(options);
        EXPECT_EQ(differing(run(engine, problem, Pipeline::W8A8H), truth), 0u)
            << "max m " << options.limits.max_m << ", k " << options.limits.max_k << ", n "
            << options.limits.max_n << ", banks " << options.limits.cbuf_banks;
        EXPECT_EQ(engine.device->stats().checksum.mismatch, 0u);
    }
}

TEST(Multiply, MoreRowsThanOnePanelHoldsAreComputedInSeveral) {
    Engine engine;
    const Problem problem(4500, 32, 32, 4);
    expect_truth(engine, problem, Pipeline::W8A8H);
    EXPECT_EQ(engine.device->stats().multiplies, 1u);
    EXPECT_GE(engine.device->stats().submits, 3u);
}

TEST(Multiply, RowsPackedWhileTheNpuWorksChangeNoBit) {
    // More rows than a task may have: two parts at least.
    const Problem problem(1100, 640, 70, 9);
    const std::vector<float> truth = problem.truth(Pipeline::W8A8H);
    for (const unsigned count : {1u, 3u}) {
        Engine engine;
        EXPECT_EQ(differing(run(engine, problem, Pipeline::W8A8H, threads(count)), truth), 0u);
        EXPECT_GE(engine.device->stats().submits, 6u) << "at least two parts for each lane";
        EXPECT_EQ(engine.device->stats().checksum.mismatch, 0u);
    }
}

TEST(Multiply, ARowOutOfRangeInTheLastPartLeavesYUntouched) {
    Engine engine;
    Problem problem(1100, 640, 64, 10);
    problem.x[static_cast<size_t>(1099 * problem.k + 7)] = std::numeric_limits<float>::quiet_NaN();
    auto weights = pack(*engine.device, {problem.n, problem.k}, problem.source(), Pipeline::W8A8H);
    ASSERT_TRUE(weights.ok());
    std::vector<float> y(static_cast<size_t>(problem.m * problem.n), 42.0F);
    const auto outcome = multiply(*engine.device, **weights, problem.x.data(), problem.k, problem.m,
                                  y.data(), problem.n);
    ASSERT_TRUE(outcome.ok()) << outcome.error().message;
    EXPECT_EQ(*outcome, Outcome::OutOfRange);
    EXPECT_EQ(y, std::vector<float>(y.size(), 42.0F));
}

TEST(Multiply, OnceEveryShapeWasMetNoBufferIsMade) {
    Engine engine;
    const Problem problems[] = {{260, 256, 96, 1}, {260, 256, 512, 2}, {260, 512, 256, 3},
                                {4, 256, 96, 4},   {130, 1536, 64, 5}, {33, 64, 700, 6}};
    std::vector<std::unique_ptr<Weights>> weights;
    for (const Problem& p : problems) {
        auto packed = pack(*engine.device, {p.n, p.k}, p.source(), Pipeline::W8A8H);
        ASSERT_TRUE(packed.ok());
        weights.push_back(std::move(packed).value());
    }
    const auto all_once = [&] {
        for (size_t i = 0; i < weights.size(); ++i) {
            const Problem& p = problems[i];
            std::vector<float> y(static_cast<size_t>(p.m * p.n));
            ASSERT_TRUE(
                multiply(*engine.device, *weights[i], p.x.data(), p.k, p.m, y.data(), p.n).ok());
        }
    };
    all_once();
    const unsigned created = engine.port->created;
    for (int round = 0; round < 3; ++round) all_once();
    EXPECT_EQ(engine.port->created, created);
}

TEST(Multiply, SeveralOutputsShareOneX) {
    Engine engine;
    const Problem q(40, 512, 96, 5), k(40, 512, 32, 6), v(40, 512, 33, 7);
    std::vector<std::unique_ptr<Weights>> weights;
    std::vector<std::vector<float>> y;
    std::vector<std::vector<float*>> rows;
    std::vector<const float*> x;
    for (int64_t row = 0; row < q.m; ++row) x.push_back(&q.x[static_cast<size_t>(row * q.k)]);
    for (const Problem* problem : {&q, &k, &v}) {
        auto packed =
            pack(*engine.device, {problem->n, problem->k}, problem->source(), Pipeline::W8A8H);
        ASSERT_TRUE(packed.ok()) << packed.error().message;
        weights.push_back(std::move(packed).value());
        auto& result = y.emplace_back(static_cast<size_t>(problem->m * problem->n));
        auto& pointers = rows.emplace_back();
        for (int64_t row = 0; row < problem->m; ++row)
            pointers.push_back(&result[static_cast<size_t>(row * problem->n)]);
    }
    std::vector<Output> outputs;
    for (size_t i = 0; i < 3; ++i) outputs.push_back({weights[i].get(), rows[i]});
    const uint64_t submits = engine.device->stats().submits;
    const auto outcome = multiply(*engine.device, x, outputs);
    ASSERT_TRUE(outcome.ok()) << outcome.error().message;
    EXPECT_EQ(engine.device->stats().submits - submits, 3u) << "one per lane";
    const Problem* problems[] = {&q, &k, &v};
    for (size_t i = 0; i < 3; ++i) {
        Problem same_x = *problems[i];
        same_x.x = q.x;
        EXPECT_EQ(differing(y[i], same_x.truth(Pipeline::W8A8H)), 0u) << "output " << i;
    }
}

TEST(Multiply, AfterWarmUpNoBufferIsMade) {
    Engine engine;
    const Problem wide(64, 512, 600, 8), deep(64, 2048, 200, 9);
    auto a = pack(*engine.device, {wide.n, wide.k}, wide.source(), Pipeline::W8A8H);
    auto b = pack(*engine.device, {deep.n, deep.k}, deep.source(), Pipeline::W8A8H);
    ASSERT_TRUE(a.ok() && b.ok());
    std::vector<float> y(64 * 600);
    const auto both = [&] {
        ASSERT_TRUE(multiply(*engine.device, **a, wide.x.data(), wide.k, 64, y.data(), 600).ok());
        ASSERT_TRUE(multiply(*engine.device, **b, deep.x.data(), deep.k, 64, y.data(), 600).ok());
    };
    both();
    const unsigned created = engine.port->created;
    for (int i = 0; i < 5; ++i) both();
    EXPECT_EQ(engine.port->created, created);
}

TEST(Multiply, RowsOfYMayLieApartAndNothingBetweenThemIsTouched) {
    Engine engine;
    const Problem problem(9, 96, 37, 10);
    auto weights = pack(*engine.device, {37, 96}, problem.source(), Pipeline::W8A8H);
    ASSERT_TRUE(weights.ok());
    std::vector<float> y(9 * 50, 123.0F);
    ASSERT_TRUE(multiply(*engine.device, **weights, problem.x.data(), 96, 9, y.data(), 50).ok());
    const std::vector<float> truth = problem.truth(Pipeline::W8A8H);
    for (size_t row = 0; row < 9; ++row)
        for (size_t column = 0; column < 50; ++column)
            ASSERT_EQ(y[row * 50 + column], column < 37 ? truth[row * 37 + column] : 123.0F);
}

TEST(Multiply, ValuesInt8CannotScaleAreReportedAndYStaysUntouched) {
    Engine engine;
    for (const int64_t m : {5, 3000}) {
        Problem problem(m, 64, 40, 11);
        auto weights = pack(*engine.device, {40, 64}, problem.source(), Pipeline::W8A8H);
        ASSERT_TRUE(weights.ok());
        for (const float bad : {std::numeric_limits<float>::quiet_NaN(),
                                std::numeric_limits<float>::infinity(), 1e30F}) {
            problem.x[static_cast<size_t>((m - 1) * 64 + 7)] = bad;
            std::vector<float> y(static_cast<size_t>(m * 40), 123.0F);
            const auto outcome =
                multiply(*engine.device, **weights, problem.x.data(), 64, m, y.data(), 40);
            ASSERT_TRUE(outcome.ok());
            EXPECT_EQ(*outcome, Outcome::OutOfRange);
            EXPECT_EQ(y, std::vector<float>(y.size(), 123.0F));
        }
    }
}

TEST(Multiply, FullVerificationAgreesWithTheNpu) {
    DeviceOptions options;
    options.verify = Verify::Full;
    Engine engine(options);
    expect_truth(engine, Problem(20, 300, 70, 12), Pipeline::W8A8H);
    EXPECT_EQ(engine.device->stats().checksum.mismatch, 0u);
    EXPECT_EQ(engine.device->stats().checksum.cpu_fallback, 0u);
}

TEST(Multiply, NothingToDoIsDone) {
    Engine engine;
    const Problem problem(1, 32, 32, 13);
    auto weights = pack(*engine.device, {32, 32}, problem.source(), Pipeline::W8A8);
    ASSERT_TRUE(weights.ok());
    const auto outcome = multiply(*engine.device, **weights, nullptr, 32, 0, nullptr, 32);
    ASSERT_TRUE(outcome.ok());
    EXPECT_EQ(*outcome, Outcome::Done);
}

TEST(Multiply, OutputsThatDoNotFitTogetherAreRefusedInOneSentence) {
    Engine engine, other;
    const Problem a(2, 64, 32, 14), b(2, 96, 32, 15);
    auto wa = pack(*engine.device, {32, 64}, a.source(), Pipeline::W8A8);
    auto wb = pack(*engine.device, {32, 96}, b.source(), Pipeline::W8A8);
    auto wo = pack(*other.device, {32, 64}, a.source(), Pipeline::W8A8);
    ASSERT_TRUE(wa.ok() && wb.ok() && wo.ok());
    std::vector<float> y(64);
    const std::vector<const float*> x = {a.x.data(), a.x.data() + 64};
    std::vector<float*> rows = {y.data(), y.data() + 32};
    const auto refusal = [&](std::vector<Output> outputs) {
        const auto outcome = multiply(*engine.device, x, outputs);
        return outcome ? std::string() : outcome.error().message;
    };
    EXPECT_NE(refusal({}).find("no output"), std::string::npos);
    EXPECT_NE(refusal({{wa->get(), rows}, {wb->get(), rows}}).find("share K"), std::string::npos);
    EXPECT_NE(refusal({{wo->get(), rows}}).find("another device"), std::string::npos);
    EXPECT_NE(refusal({{wa->get(), OutputRows(rows).first(1)}}).find("2 rows"), std::string::npos);
}

}  // namespace
}  // namespace rosenblatt::matmul
