// SPDX-License-Identifier: MIT
// Whatever the device does wrong, the caller gets the same bits.
#include <gtest/gtest.h>

#include <random>

#include "engine.hpp"
#include "matmul/work_lane.hpp"

namespace rosenblatt::matmul {
namespace {

struct Ran {
    size_t wrong = 0;
    Stats stats;
    size_t warnings = 0;
};

/// Three products with one pack on a device with `faults`.
Ran three_products(const std::string& faults, DeviceOptions options = {}) {
    const Problem problem(48, 600, 290, 1);
    static const std::vector<float> truth = problem.truth(Pipeline::W8A8H);
    Engine engine(options, faults);
    Ran ran;
    auto weights = pack(*engine.device, {problem.n, problem.k}, problem.source(), Pipeline::W8A8H);
    EXPECT_TRUE(weights.ok()) << weights.error().message;
    for (int i = 0; weights && i < 3; ++i) {
        std::vector<float> y(truth.size());
        const auto outcome = multiply(*engine.device, **weights, problem.x.data(), problem.k,
                                      problem.m, y.data(), problem.n);
        EXPECT_TRUE(outcome.ok()) << outcome.error().message;
        ran.wrong += differing(y, truth);
    }
    ran.stats = engine.device->stats();
    ran.warnings = engine.warnings.size();
    return ran;
}

TEST(Faults, EveryKindInEveryPhaseOnEveryLaneGivesTheSameBits) {
    for (const std::string kind : {"drop", "flip", "partial", "swap", "stale"}) {
        for (const char* phase : {"1", "4", "8"}) {
            for (const char* lane : {"0", "1", "2"}) {
                std::string fault = kind + ":job=" + phase + ",lane=" + lane;
                if (kind == "flip") fault += ",bit=777";
                SCOPED_TRACE(fault);
                const Ran ran = three_products(fault);
                EXPECT_EQ(ran.wrong, 0u);
                EXPECT_LE(ran.warnings, 1u);
            }
        }
    }
}

TEST(Faults, AFlippedBitIsSeenRetriedAndWarnedAboutOnce) {
    const Ran ran = three_products("flip:job=1,bit=5;flip:job=5,bit=4000");
    EXPECT_EQ(ran.wrong, 0u);
    EXPECT_EQ(ran.stats.checksum.mismatch, 2u);
    EXPECT_EQ(ran.stats.checksum.retried, 2u);
    EXPECT_EQ(ran.stats.checksum.cpu_fallback, 0u);
    EXPECT_EQ(ran.warnings, 1u);
}

TEST(Faults, ADroppedJobIsSeenByItsPoisonedLines) {
    const Ran ran = three_products("drop:job=2");
    EXPECT_EQ(ran.wrong, 0u);
    EXPECT_GE(ran.stats.checksum.mismatch, 1u);
    EXPECT_EQ(ran.stats.checksum.cpu_fallback, 0u);
}

TEST(Faults, AHangingJobIsRunAgain) {
    for (const char* fault : {"hang:job=1", "iommu:job=2", "hang:job=5,lane=2"}) {
        SCOPED_TRACE(fault);
        const Ran ran = three_products(fault);
        EXPECT_EQ(ran.wrong, 0u);
        EXPECT_GE(ran.stats.checksum.mismatch, 1u);
        EXPECT_EQ(ran.stats.checksum.cpu_fallback, 0u);
    }
}

/// The first `jobs` jobs of the process hang.
std::string hangs(int jobs) {
    std::string faults;
    for (int job = 1; job <= jobs; ++job)
        faults += (job > 1 ? ";" : "") + ("hang:job=" + std::to_string(job));
    return faults;
}

/// Narrow blocks: several tiles for each lane.
DeviceOptions narrow_tasks() {
    DeviceOptions options;
    options.limits.max_n = 32;
    return options;
}

// Half a second per wait of a caller, and here each count of three submits is one.
TEST(Faults, ThreeProductsWhoseJobsAllHangWaitTwiceInAll) {
    for (const DeviceOptions& options : {DeviceOptions{}, narrow_tasks()}) {
        const Ran ran = three_products(hangs(40), options);
        EXPECT_EQ(ran.wrong, 0u);
        EXPECT_EQ(ran.stats.submits, 3u + 3u) << "the first product's and its retry, on all lanes";
        EXPECT_EQ(ran.stats.jobs, ran.stats.submits) << "a retry of several tiles is one job";
        EXPECT_EQ(ran.stats.lanes_taken_out, 3u);
        EXPECT_GE(ran.stats.checksum.cpu_fallback, 3u * 3u) << "the reference gives every tile";
        EXPECT_EQ(ran.warnings, 1u);
    }
}

TEST(Faults, ALaneThatHangsTwiceInARowIsTakenOutAtOnce) {
    // Lane 1's first job, and its retry; the other lanes do its work.
    const Ran ran = three_products("hang:job=1,lane=1;hang:job=4,lane=1");
    EXPECT_EQ(ran.wrong, 0u);
    EXPECT_EQ(ran.stats.lanes_taken_out, 1u);
    EXPECT_EQ(ran.stats.checksum.cpu_fallback, 0u);
    EXPECT_EQ(ran.stats.submits, (3u + 2u) + 2 * (2u + 1u)) << "once more at home, then as guests";
    EXPECT_EQ(ran.warnings, 1u);
}

TEST(Faults, LanesThatHangOneAfterTheOtherAreThreeWaitsAndNoMore) {
    // Lane 0 twice, then lane 1 with its tiles as guests: lane 2 is not asked for them.
    const Ran ran = three_products("hang:job=1,lane=0;hang:job=4,lane=0;hang:job=5,lane=1");
    EXPECT_EQ(ran.wrong, 0u);
    EXPECT_EQ(ran.stats.submits, 3u + 1u + 1u);
    EXPECT_EQ(ran.stats.lanes_taken_out, 3u);
    EXPECT_GE(ran.stats.checksum.cpu_fallback, 1u);
}

TEST(Faults, LanesThatHungAreTriedAgainLater) {
    const Problem problem(5, 64, 96, 2);
    const std::vector<float> truth = problem.truth(Pipeline::W8A8H);
    Engine engine({}, hangs(6));
    auto weights = pack(*engine.device, {96, 64}, problem.source(), Pipeline::W8A8H);
    ASSERT_TRUE(weights.ok());
    for (uint64_t i = 0; i < 1 + WorkLane::k_rest_calls + 5; ++i) {
        std::vector<float> y(truth.size());
        ASSERT_TRUE(
            multiply(*engine.device, **weights, problem.x.data(), 64, 5, y.data(), 96).ok());
        EXPECT_EQ(differing(y, truth), 0u);
    }
    const Stats stats = engine.device->stats();
    EXPECT_EQ(stats.lanes_taken_out, 3u);
    EXPECT_EQ(stats.submits, 3u + 3u + 5u * 3u)
        << "after the rest every product is the NPU's again";
    EXPECT_EQ(engine.warnings.size(), 1u);
}

TEST(Faults, WhatWasSubmittedToALaneBeforeItHungTwiceIsNotWaitedFor) {
    const Problem problem(256, 64, 96, 3);
    const std::vector<float> truth = problem.truth(Pipeline::W8A8H);
    DeviceOptions options;
    options.limits.max_m = 64;  // four waves
    Engine engine(options, hangs(12));
    auto weights = pack(*engine.device, {96, 64}, problem.source(), Pipeline::W8A8H);
    ASSERT_TRUE(weights.ok());
    std::vector<float> y(truth.size());
    ASSERT_TRUE(multiply(*engine.device, **weights, problem.x.data(), 64, 256, y.data(), 96).ok());
    EXPECT_EQ(differing(y, truth), 0u);
    const Stats stats = engine.device->stats();
    EXPECT_EQ(stats.submits, 4u * 3u) << "no retry behind jobs that hang";
    EXPECT_LT(stats.checksum.checked, stats.tasks) << "the last waves were not waited for";
    EXPECT_EQ(stats.checksum.cpu_fallback, stats.tasks);
    EXPECT_EQ(stats.lanes_taken_out, 3u);
    weights->reset();
    engine.device.reset();
    EXPECT_EQ(engine.port->created, engine.port->closed) << "BOs, those of the abandoned jobs too";
}

TEST(Faults, ALaneThatFailsThreeTimesIsTakenOutAndTriedAgainLater) {
    const Problem problem(5, 64, 96, 2);
    const std::vector<float> truth = problem.truth(Pipeline::W8A8H);
    // A call is three jobs and the retry of the dropped one: lane 1's are jobs 2, 6 and 10.
    Engine engine({}, "drop:job=1,lane=1;drop:job=5,lane=1;drop:job=9,lane=1");
    auto weights = pack(*engine.device, {96, 64}, problem.source(), Pipeline::W8A8H);
    ASSERT_TRUE(weights.ok());
    const auto once = [&] {
        std::vector<float> y(truth.size());
        ASSERT_TRUE(
            multiply(*engine.device, **weights, problem.x.data(), 64, 5, y.data(), 96).ok());
        EXPECT_EQ(differing(y, truth), 0u);
    };
    for (int i = 0; i < 3; ++i) once();
    EXPECT_EQ(engine.device->stats().lanes_taken_out, 1u);
    const uint64_t retried = engine.device->stats().checksum.retried;
    once();
    EXPECT_GT(engine.device->stats().checksum.retried, retried) << "its tiles run as guests";
    for (int i = 0; i < 70; ++i) once();
    const uint64_t settled = engine.device->stats().checksum.retried;
    for (int i = 0; i < 5; ++i) once();
    EXPECT_EQ(engine.device->stats().checksum.retried, settled) << "at home again";
    EXPECT_EQ(engine.device->stats().checksum.cpu_fallback, 0u);
}

TEST(Faults, ALostDeviceStillGivesTheSameBits) {
    for (const char* fault : {"lost:job=1", "lost:job=2", "lost:job=6"}) {
        SCOPED_TRACE(fault);
        const Ran ran = three_products(fault);
        EXPECT_EQ(ran.wrong, 0u);
        EXPECT_GE(ran.stats.checksum.cpu_fallback, 1u);
        EXPECT_EQ(ran.warnings, 1u);
    }
}

TEST(Faults, NoAddressesForWorkBuffersStillGiveTheSameBits) {
    for (const char* fault : {"enospc:bo=4", "enospc:bo=5;enospc:bo=6", "enospc:bo=8"}) {
        SCOPED_TRACE(fault);
        EXPECT_EQ(three_products(fault).wrong, 0u);
    }
}

TEST(Faults, DamagedWeightsAreSeenAndMended) {
    Engine engine;
    const Problem problem(20, 400, 300, 3);
    const std::vector<float> truth = problem.truth(Pipeline::W8A8H);
    auto weights = pack(*engine.device, {300, 400}, problem.source(), Pipeline::W8A8H);
    ASSERT_TRUE(weights.ok());
    const std::vector<std::span<std::byte>> packed = engine.port->mapped;
    ASSERT_EQ(packed.size(), 3u) << "one BO per lane so far";
    for (const std::span<std::byte>& bo : packed) bo[bo.size() / 3] ^= std::byte{0x10};
    for (int i = 0; i < 2; ++i) {
        std::vector<float> y(truth.size());
        ASSERT_TRUE(
            multiply(*engine.device, **weights, problem.x.data(), 400, 20, y.data(), 300).ok());
        EXPECT_EQ(differing(y, truth), 0u);
        EXPECT_EQ(engine.device->stats().checksum.mismatch, 3u) << "only the first time";
    }
    EXPECT_EQ(engine.device->stats().checksum.cpu_fallback, 0u);
}

TEST(Faults, ManyRandomDamagesGiveTheSameBits) {
    const uint64_t seed = fresh_seed();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const char* kinds[] = {"flip", "swap", "stale", "partial", "drop"};
    std::string faults;
    for (uint64_t job = 1; job < 1200; job += 1 + random() % 6) {
        const char* kind = kinds[random() % 5];
        faults += (faults.empty() ? "" : ";") + std::string(kind) + ":job=" + std::to_string(job);
        if (kind == kinds[0]) faults += ",bit=" + std::to_string(random() % 100000);
    }
    Engine engine({}, faults);
    const Problem problem(17, 96, 200, seed);
    const std::vector<float> truth = problem.truth(Pipeline::W8A8H);
    auto weights = pack(*engine.device, {200, 96}, problem.source(), Pipeline::W8A8H);
    ASSERT_TRUE(weights.ok());
    for (int i = 0; i < 300; ++i) {
        std::vector<float> y(truth.size());
        ASSERT_TRUE(
            multiply(*engine.device, **weights, problem.x.data(), 96, 17, y.data(), 200).ok());
        ASSERT_EQ(differing(y, truth), 0u) << "product " << i;
    }
    // Not every fault shows: what an equal job left there before is right again.
    EXPECT_GT(engine.device->stats().checksum.mismatch, 10u);
    EXPECT_EQ(engine.warnings.size(), 1u);
}

TEST(Faults, WithOneLaneThereIsNoOtherToAsk) {
    DeviceOptions options;
    options.lanes = 1;
    for (const char* fault : {"flip:job=2,bit=99", "drop:job=1;drop:job=2", "partial:job=3"}) {
        SCOPED_TRACE(fault);
        EXPECT_EQ(three_products(fault, options).wrong, 0u);
    }
}

}  // namespace
}  // namespace rosenblatt::matmul
