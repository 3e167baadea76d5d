// SPDX-License-Identifier: MIT
// 10^4 jobs whose results are spoiled below the KernelPort: none of the int pipelines' gets through,
// of f16's none whose error the derived tolerance does not cover.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "corrupting_port.hpp"
#include "engine.hpp"
#include "matmul/device_state.hpp"
#include "matmul/half.hpp"
#include "matmul/half_checksum.hpp"
#include "matmul/weights_state.hpp"
#include "npu/convert.hpp"

namespace rosenblatt::matmul {
namespace {

constexpr double k_share = 0.5;  // of all jobs

/// Several matrices and inputs of one shape, so that stale and exchanged tiles are of the same size.
struct Round {
    std::vector<Problem> problems;
    std::vector<std::vector<float>> truths;
    DeviceOptions options;
    Pipeline pipeline;

    Round(Pipeline wanted, std::mt19937_64& random) : pipeline(wanted) {
        const auto m = static_cast<int64_t>(2 + random() % 20);
        const auto k = static_cast<int64_t>(1 + random() % 160);
        const auto n = static_cast<int64_t>(1 + random() % 300);
        for (int i = 0; i < 3; ++i) {
            problems.emplace_back(m, k, n, random());
            truths.push_back(problems.back().truth(pipeline));
        }
        options.limits.max_m = static_cast<uint32_t>(3 + random() % 8);
        options.limits.max_n = static_cast<uint32_t>(32 * (1 + random() % 3));
    }
};

/// The largest error an element of a row may hide: the check compares a sum that is itself off by
/// up to the tolerance, so an error may be twice it.
std::vector<double> hidden_errors(const Problem& problem, const Weights::State& weights) {
    const quant::RowFormat& format = weights.format;
    const auto plan = weights.plans->plan(static_cast<uint32_t>(problem.m));
    std::vector<double> most(static_cast<size_t>(problem.m * problem.n), 0.0);
    std::vector<uint16_t> codes(static_cast<size_t>(format.k_padded));
    std::vector<float> a(codes.size());
    for (int64_t i = 0; i < problem.m; ++i) {
        float scale = 0;
        half_row(format, &problem.x[static_cast<size_t>(i * problem.k)], codes.data(), &scale);
        std::transform(codes.begin(), codes.end(), a.begin(), npu::fp32_from_fp16);
        for (const compile::Tile& tile : (*plan)->plan.tiles) {
            const HalfExpected expected = expected_half_sum(
                a.data() + tile.k0, weights.half_sums[tile.block], tile.k, tile.n);
            for (int64_t j = tile.n0; j < std::min<int64_t>(tile.n0 + tile.n, problem.n); ++j)
                most[static_cast<size_t>(i * problem.n + j)] =
                    2 * expected.tolerance * scale * weights.scales[static_cast<size_t>(j)];
        }
    }
    return most;
}

struct Tally {
    uint64_t spoiled[k_corruptions] = {};
    uint64_t jobs = 0;           ///< spoiled
    uint64_t seen = 0;           ///< tiles that failed their proof
    uint64_t let_through = 0;    ///< products that differ from the truth
    uint64_t beyond = 0;         ///< elements whose error the tolerance does not cover
};

void run_round(const Round& round, uint64_t seed, uint64_t jobs, Tally& tally) {
    CorruptingPort* port = nullptr;
    Engine engine(round.options, "", [&](std::unique_ptr<KernelPort> kernel) {
        auto made = std::make_unique<CorruptingPort>(std::move(kernel), seed, k_share);
        port = made.get();
        return made;
    });
    std::vector<std::unique_ptr<Weights>> weights;
    for (const Problem& problem : round.problems) {
        auto packed = pack(*engine.device, {problem.n, problem.k}, problem.source(), round.pipeline);
        ASSERT_TRUE(packed.ok()) << packed.error().message;
        weights.push_back(std::move(packed).value());
    }
    // A product whose every lane rests makes no job.
    for (int call = 0; port->spoiled() < jobs && call < 10000; ++call) {
        const size_t i = static_cast<size_t>(call) % round.problems.size();
        const Problem& problem = round.problems[i];
        std::vector<float> y(round.truths[i].size(), -1.0F);
        const auto outcome = multiply(*engine.device, *weights[i], problem.x.data(), problem.k,
                                      problem.m, y.data(), problem.n);
        ASSERT_TRUE(outcome.ok() && *outcome == Outcome::Done);
        if (differing(y, round.truths[i]) == 0) continue;
        tally.let_through += 1;
        if (round.pipeline != Pipeline::F16) continue;
        const std::vector<double> most = hidden_errors(problem, weights[i]->state());
        for (size_t e = 0; e < y.size(); ++e) {
            const double error = std::abs(double{y[e]} - double{round.truths[i][e]});
            tally.beyond += !(error <= most[e] * (1 + 1e-6));
        }
    }
    for (size_t kind = 0; kind < k_corruptions; ++kind)
        tally.spoiled[kind] += port->spoiled(static_cast<Corruption>(kind));
    tally.jobs += port->spoiled();
    tally.seen += engine.device->stats().checksum.mismatch;
}

Tally spoil_jobs(Pipeline pipeline, uint64_t jobs) {
    const uint64_t seed = std::random_device{}();
    std::mt19937_64 random(seed);
    Tally tally;
    while (tally.jobs < jobs && !testing::Test::HasFatalFailure())
        run_round(Round(pipeline, random), random(), 100, tally);
    std::printf("%s, seed %llu: %llu jobs spoiled (bit %llu, bits %llu, stale %llu, swap %llu, "
                "shift %llu), %llu tiles seen, %llu products let through\n",
                name(pipeline), static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(tally.jobs),
                static_cast<unsigned long long>(tally.spoiled[0]),
                static_cast<unsigned long long>(tally.spoiled[1]),
                static_cast<unsigned long long>(tally.spoiled[2]),
                static_cast<unsigned long long>(tally.spoiled[3]),
                static_cast<unsigned long long>(tally.spoiled[4]),
                static_cast<unsigned long long>(tally.seen),
                static_cast<unsigned long long>(tally.let_through));
    for (const uint64_t count : tally.spoiled) EXPECT_GT(count, 0u);
    return tally;
}

uint64_t wanted_jobs() {
    const char* all = std::getenv("ROSENBLATT_SPOILED_JOBS");
    return all ? std::strtoull(all, nullptr, 10) : 600;
}

TEST(SpoiledJobs, OfW8a8hAreAllSeen) {
    const Tally tally = spoil_jobs(Pipeline::W8A8H, wanted_jobs());
    EXPECT_EQ(tally.let_through, 0u);
    EXPECT_GE(tally.seen, tally.jobs);
}

TEST(SpoiledJobs, OfW8a8AreAllSeen) {
    const Tally tally = spoil_jobs(Pipeline::W8A8, wanted_jobs());
    EXPECT_EQ(tally.let_through, 0u);
    EXPECT_GE(tally.seen, tally.jobs);
}

TEST(SpoiledJobs, OfF16AreSeenWhereTheyExceedTheTolerance) {
    const Tally tally = spoil_jobs(Pipeline::F16, wanted_jobs());
    // Several flipped bits of one row may cancel each other: one element in 10^4 jobs did.
    EXPECT_LE(tally.beyond, 1 + wanted_jobs() / 1000);
}

}  // namespace
}  // namespace rosenblatt::matmul
