// SPDX-License-Identifier: MIT
// Jobs whose results are spoiled below the KernelPort (10^4 with ROSENBLATT_SPOILED_JOBS): none of the
// int pipelines' gets through, of f16's none whose row is beyond the derived tolerance.
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

/// What got through, against what the check promises of every row of a tile: the weighted sum of
/// its errors is at most twice the tolerance (the right sum may itself be off by one of them).
struct Hidden {
    uint64_t beyond = 0;     ///< rows that break the promise: a single wrong element among them
    uint64_t cancelled = 0;  ///< elements beyond it whose row holds another error that cancels them
};

Hidden hidden_errors(const Problem& problem, const Weights::State& weights,
                     const std::vector<float>& y, const std::vector<float>& truth) {
    const quant::RowFormat& format = weights.format;  // one slice: K is small here
    const auto plan = weights.plans->plan(static_cast<uint32_t>(problem.m));
    std::vector<uint16_t> codes(static_cast<size_t>(format.k_padded));
    std::vector<float> a(codes.size());
    Hidden hidden;
    for (int64_t i = 0; i < problem.m; ++i) {
        float scale = 0;
        half_row(format, &problem.x[static_cast<size_t>(i * problem.k)], codes.data(), &scale);
        std::transform(codes.begin(), codes.end(), a.begin(), npu::fp32_from_fp16);
        for (const compile::Tile& tile : (*plan)->plan.tiles) {
            if (i < tile.m0 || i >= tile.m0 + tile.m) continue;
            const double most = 2 * (1 + 1e-6) *
                                expected_half_sum(a.data() + tile.k0, weights.half_sums[tile.block],
                                                  tile.k, tile.n)
                                    .tolerance;
            double sum = 0;
            uint64_t large = 0;
            for (int64_t j = tile.n0; j < std::min<int64_t>(tile.n0 + tile.n, problem.n); ++j) {
                const auto at = static_cast<size_t>(i * problem.n + j);
                const auto column = static_cast<size_t>(j);
                const double error = (double{y[at]} - double{truth[at]}) /
                                     (double{scale} * double{weights.scales[column]});
                sum += error * weights.half_column_weights[column].first;
                large += !(std::abs(error) <= most);
            }
            const bool kept = std::abs(sum) <= most;
            hidden.beyond += !kept;
            if (kept) hidden.cancelled += large;
        }
    }
    return hidden;
}

struct Tally {
    uint64_t spoiled[k_corruptions] = {};
    uint64_t jobs = 0;           ///< spoiled
    uint64_t seen = 0;           ///< tiles that failed their proof
    uint64_t let_through = 0;    ///< products that differ from the truth
    Hidden hidden;
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
        const Hidden hidden = hidden_errors(problem, weights[i]->state(), y, round.truths[i]);
        tally.hidden.beyond += hidden.beyond;
        tally.hidden.cancelled += hidden.cancelled;
    }
    for (size_t kind = 0; kind < k_corruptions; ++kind)
        tally.spoiled[kind] += port->spoiled(static_cast<Corruption>(kind));
    tally.jobs += port->spoiled();
    tally.seen += engine.device->stats().checksum.mismatch;
}

Tally spoil_jobs(Pipeline pipeline, uint64_t jobs) {
    const uint64_t seed = fresh_seed();
    std::mt19937_64 random(seed);
    Tally tally;
    while (tally.jobs < jobs && !testing::Test::HasFatalFailure())
        run_round(Round(pipeline, random), random(), 100, tally);
    std::printf("%s, seed %llu: %llu jobs spoiled (bit %llu, bits %llu, stale %llu, swap %llu, "
                "shift %llu), %llu tiles seen, %llu products let through, %llu rows beyond the "
                "tolerance, %llu elements cancelled by others\n",
                name(pipeline), static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(tally.jobs),
                static_cast<unsigned long long>(tally.spoiled[0]),
                static_cast<unsigned long long>(tally.spoiled[1]),
                static_cast<unsigned long long>(tally.spoiled[2]),
                static_cast<unsigned long long>(tally.spoiled[3]),
                static_cast<unsigned long long>(tally.spoiled[4]),
                static_cast<unsigned long long>(tally.seen),
                static_cast<unsigned long long>(tally.let_through),
                static_cast<unsigned long long>(tally.hidden.beyond),
                static_cast<unsigned long long>(tally.hidden.cancelled));
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

TEST(SpoiledJobs, OfW4a8AreAllSeen) {
    const Tally tally = spoil_jobs(Pipeline::W4A8, wanted_jobs());
    EXPECT_EQ(tally.let_through, 0u);
    EXPECT_GE(tally.seen, tally.jobs);
}

TEST(SpoiledJobs, OfF16AreSeenWhereTheyExceedTheTolerance) {
    const Tally tally = spoil_jobs(Pipeline::F16, wanted_jobs());
    EXPECT_EQ(tally.hidden.beyond, 0u);
    EXPECT_EQ(tally.hidden.cancelled, 0u);
}

}  // namespace
}  // namespace rosenblatt::matmul
