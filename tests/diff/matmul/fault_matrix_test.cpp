// SPDX-License-Identifier: MIT
// The fault matrix: every kind of fault of GGML_ROCKET_FAULT, in three phases, on three lanes, for
// each kind of panel: the same bits, and afterwards no BO, mapping or file is left.
#include <gtest/gtest.h>

#include <dirent.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <memory>
#include <string>
#include <tuple>

#include "engine.hpp"

namespace rosenblatt::matmul {
namespace {

/// Three phases each: early, in the middle of the first product's jobs or work buffers, later.
struct Kind {
    const char* name;
    const char* phases[3];  ///< what follows the name and a colon
};

// Jobs: three per product, one per lane, and three products. BOs: three of the weights, then three
// work buffers per lane. A bit above the mantissa's end is an error no pipeline's check lets pass.
constexpr Kind k_kinds[] = {
    {"hang", {"job=1", "job=4", "job=7"}},
    {"drop", {"job=1", "job=4", "job=7"}},
    {"flip", {"job=1,bit=30", "job=4,bit=24222", "job=7,bit=1021"}},
    {"partial", {"job=1", "job=4", "job=7"}},
    {"swap", {"job=1", "job=4", "job=7"}},
    {"stale", {"job=1", "job=4", "job=7"}},
    {"iommu", {"job=1", "job=4", "job=7"}},
    {"slow", {"x=3", "x=1000", "x=1e9"}},  // the last: the watchdog ends every job
    {"lost", {"job=1", "job=4", "job=7"}},
    {"enospc", {"bo=1", "bo=4", "bo=8"}},
};

/// One of each kind of panel.
constexpr Pipeline k_pipelines[] = {Pipeline::W8A8H, Pipeline::W4A8, Pipeline::F16};

size_t open_files() {
    size_t count = 0;
    if (DIR* folder = ::opendir("/proc/self/fd")) {
        while (::readdir(folder)) ++count;
        ::closedir(folder);
    }
    return count;
}

const Problem& problem_of(int product) {
    static const Problem problems[] = {{24, 200, 150, 1}, {24, 200, 150, 2}, {24, 200, 150, 3}};
    return problems[product];
}

const std::vector<float>& truth_of(Pipeline pipeline, int product) {
    static const auto truths = [] {
        std::vector<std::vector<float>> all;
        for (const Pipeline each : k_pipelines)
            for (int p = 0; p < 3; ++p) {
                Problem mixed = problem_of(0);
                mixed.x = problem_of(p).x;
                all.push_back(mixed.truth(each));
            }
        return all;
    }();
    const auto family = std::find(std::begin(k_pipelines), std::end(k_pipelines), pipeline);
    return truths[static_cast<size_t>(3 * (family - std::begin(k_pipelines)) + product)];
}

using Clock = std::chrono::steady_clock;

/// Three products of one W with different X: what is stale is wrong. `longest` becomes what one of
/// them took, if that was more.
void three_products(const std::string& fault, Pipeline pipeline,
                    std::shared_ptr<CountingPort>& port, Clock::duration& longest) {
    Engine engine({}, fault);
    auto weights = pack(*engine.device, {150, 200}, problem_of(0).source(), pipeline);
    ASSERT_TRUE(weights.ok()) << weights.error().message;
    for (int p = 0; p < 3; ++p) {
        std::vector<float> y(24 * 150, -1.0F);
        const auto begun = Clock::now();
        const auto outcome = multiply(*engine.device, **weights, problem_of(p).x.data(), 200, 24,
                                      y.data(), 150);
        longest = std::max(longest, Clock::now() - begun);
        ASSERT_TRUE(outcome.ok()) << outcome.error().message;
        EXPECT_EQ(*outcome, Outcome::Done);
        EXPECT_EQ(differing(y, truth_of(pipeline, p)), 0u) << "product " << p;
    }
    EXPECT_LE(engine.warnings.size(), 1u);
    weights->reset();
    engine.device.reset();
    port = std::move(engine.port);
}

class FaultMatrix : public testing::TestWithParam<std::tuple<Kind, Pipeline>> {};

TEST_P(FaultMatrix, EveryPhaseOnEveryLaneGivesTheSameBitsAndLeavesNothing) {
    const auto& [kind, pipeline] = GetParam();
    const bool device_wide = std::string(kind.name) == "slow";
    truth_of(pipeline, 0);
    Clock::duration longest{};
    for (const char* phase : kind.phases)
        for (int lane = 0; lane < 3; ++lane) {
            std::string fault = std::string(kind.name) + ":" + phase;
            if (!device_wide) fault += ",lane=" + std::to_string(lane);
            SCOPED_TRACE(fault);
            const size_t files_before = open_files();
            std::shared_ptr<CountingPort> port;
            three_products(fault, pipeline, port, longest);
            ASSERT_TRUE(port);
            EXPECT_EQ(port->created, port->closed) << "BOs";
            EXPECT_EQ(port->mappings, 0);
            EXPECT_EQ(port->files, 0);
            port.reset();
            EXPECT_EQ(open_files(), files_before);
        }
    // For people: DESIGN wants the right bits within 2 s of any fault.
    std::printf("%s %s: the longest product took %.0f ms\n", kind.name, name(pipeline),
                std::chrono::duration<double, std::milli>(longest).count());
}

INSTANTIATE_TEST_SUITE_P(
    All, FaultMatrix,
    testing::Combine(testing::ValuesIn(k_kinds), testing::ValuesIn(k_pipelines)),
    [](const auto& chosen) {
        return std::string(std::get<0>(chosen.param).name) + "_" + name(std::get<1>(chosen.param));
    });

}  // namespace
}  // namespace rosenblatt::matmul
