// SPDX-License-Identifier: MIT
// The f16 pipeline end to end: the chip's own rounding, whatever the plan, the lanes and the
// faults.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "engine.hpp"
#include "npu/convert.hpp"

namespace rosenblatt::matmul {
namespace {

TEST(Half, RandomShapesEqualTheReferenceBitForBit) {
    const uint64_t seed = fresh_seed();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    Engine engine;
    for (int trial = 0; trial < 10; ++trial) {
        const auto m = static_cast<int64_t>(1 + random() % 90);
        const auto k = static_cast<int64_t>(1 + random() % 600);
        const auto n = static_cast<int64_t>(1 + random() % 150);
        expect_truth(engine, Problem(m, k, n, random()), Pipeline::F16);
    }
    EXPECT_EQ(engine.device->stats().checksum.mismatch, 0u);
    EXPECT_GT(engine.device->stats().checksum.checked, 0u);
}

TEST(Half, ShapesOfRealModelsEqualTheReferenceBitForBit) {
    Engine engine;
    const int64_t shapes[][3] = {{1, 1536, 256}, {2, 896, 128}, {33, 4864, 32}, {100, 2048, 48}};
    for (const auto& [m, k, n] : shapes) expect_truth(engine, Problem(m, k, n, 1), Pipeline::F16);
    EXPECT_EQ(engine.device->stats().checksum.mismatch, 0u);
}

TEST(Half, LanesThreadsAndTaskSizesDoNotChangeASingleBit) {
    const Problem problem(43, 2500, 130, 2);
    const std::vector<float> truth = problem.truth(Pipeline::F16);
    const uint64_t seed = fresh_seed();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    for (const unsigned lanes : {1u, 2u, 3u, 5u}) {
        DeviceOptions options;
        options.lanes = lanes;
        options.limits.cbuf_banks = static_cast<uint32_t>(6 + random() % 7);
        options.limits.max_m = static_cast<uint32_t>(5 + random() % 40);
        options.limits.max_n = static_cast<uint32_t>(32 * (1 + random() % 4));
        Engine engine(options);
        EXPECT_EQ(differing(run(engine, problem, Pipeline::F16, threads(lanes)), truth), 0u)
            << lanes << " lanes, max m " << options.limits.max_m << ", n " << options.limits.max_n
            << ", banks " << options.limits.cbuf_banks;
        EXPECT_EQ(engine.device->stats().checksum.mismatch, 0u);
    }
}

TEST(Half, ManyRowsAreComputedInSeveralPanels) {
    Engine engine;
    expect_truth(engine, Problem(4500, 32, 32, 4), Pipeline::F16);
    EXPECT_EQ(engine.device->stats().multiplies, 1u);
}

TEST(Half, RowsFarFromOneKeepTheirRelativeAccuracy) {
    Engine engine;
    for (const float factor : {0x1p-40F, 0x1p-20F, 1.0F, 0x1p30F}) {
        Problem problem(3, 96, 40, 5);
        for (float& x : problem.x) x *= factor;
        for (float& w : problem.w) w *= factor;
        const std::vector<float> y = run(engine, problem, Pipeline::F16);
        double error = 0, size = 0;
        for (int64_t i = 0; i < 3; ++i)
            for (int64_t j = 0; j < 40; ++j) {
                double exact = 0;
                for (int64_t k = 0; k < 96; ++k)
                    exact += double{problem.x[static_cast<size_t>(i * 96 + k)]} *
                             double{problem.w[static_cast<size_t>(j * 96 + k)]};
                error += std::pow(y[static_cast<size_t>(i * 40 + j)] - exact, 2);
                size += exact * exact;
            }
        EXPECT_LT(std::sqrt(error / size), 6e-4) << factor;  // fp16: 2^-11 for each operand
    }
}

TEST(Half, Fp16DataPassUnchanged) {
    Engine engine;
    Problem problem(1, 32, 32, 6);
    std::fill(problem.x.begin(), problem.x.end(), 0.0F);
    std::mt19937 random(6);
    problem.x[3] = 1.0F;
    for (size_t n = 0; n < 32; ++n) {
        const auto bits = static_cast<uint16_t>(random() % 0x7c00);
        problem.w[n * 32 + 3] = npu::fp32_from_fp16(bits);
        problem.w[n * 32 + 4] = 65504;  // the row stays as it is, the subnormal included
    }
    const std::vector<float> y = run(engine, problem, Pipeline::F16);
    for (size_t n = 0; n < 32; ++n) EXPECT_EQ(y[n], problem.w[n * 32 + 3]) << n;
}

TEST(Half, ValuesBeyondScalingAreReportedAndYStaysUntouched) {
    Engine engine;
    for (const int64_t m : {5, 3000}) {
        Problem problem(m, 64, 40, 11);
        auto weights = pack(*engine.device, {40, 64}, problem.source(), Pipeline::F16);
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

TEST(Half, WeightsBeyondScalingStayOnTheCpuWithAReason) {
    Engine engine;
    Problem problem(1, 64, 40, 12);
    problem.w[100] = std::numeric_limits<float>::infinity();
    const auto weights = pack(*engine.device, {40, 64}, problem.source(), Pipeline::F16);
    ASSERT_FALSE(weights.ok());
    EXPECT_NE(weights.error().message.find("stays on the CPU: it holds NaN, Inf"),
              std::string::npos);
}

TEST(Half, FullVerificationAgreesWithTheNpu) {
    DeviceOptions options;
    options.verify = Verify::Full;
    Engine engine(options);
    expect_truth(engine, Problem(20, 300, 70, 13), Pipeline::F16);
    EXPECT_EQ(engine.device->stats().checksum.mismatch, 0u);
}

TEST(Half, DamagedWeightsAreSeenAndMended) {
    Engine engine;
    const Problem problem(20, 200, 96, 14);
    const std::vector<float> truth = problem.truth(Pipeline::F16);
    auto weights = pack(*engine.device, {96, 200}, problem.source(), Pipeline::F16);
    ASSERT_TRUE(weights.ok());
    const std::vector<std::span<std::byte>> packed = engine.port->mapped;
    for (const std::span<std::byte>& bo : packed) bo[bo.size() / 3 | 1] ^= std::byte{0x40};
    std::vector<float> y(truth.size());
    ASSERT_TRUE(multiply(*engine.device, **weights, problem.x.data(), 200, 20, y.data(), 96).ok());
    EXPECT_EQ(differing(y, truth), 0u);
    EXPECT_GT(engine.device->stats().checksum.mismatch, 0u);
    EXPECT_EQ(engine.device->stats().checksum.cpu_fallback, 0u);
}

TEST(Half, WhenEveryJobHangsTheReferenceAnswersBitForBit) {
    std::string faults;
    for (int job = 1; job <= 4; ++job) faults += "hang:job=" + std::to_string(job) + ";";
    faults += "lost:job=5";
    Engine engine({}, faults);
    expect_truth(engine, Problem(9, 300, 70, 15), Pipeline::F16);
    EXPECT_GE(engine.device->stats().checksum.cpu_fallback, 1u);
}

}  // namespace
}  // namespace rosenblatt::matmul
