// SPDX-License-Identifier: MIT
// Plans are legal for any shape, type, lane count and CBUF, and their jobs are bounded.
#include "compile/planner.hpp"

#include <gtest/gtest.h>

#include <random>

#include "compile/tiling.hpp"
#include "plan_check.hpp"

namespace rosenblatt::compile {
namespace {

TilingRequest request(uint32_t k, uint32_t n) {
    TilingRequest r;
    r.k = k;
    r.n = n;
    for (uint32_t end = 1536; end < k; end += 1536) r.slice_ends.push_back(end);
    r.slice_ends.push_back((k + 31) / 32 * 32);
    return r;
}

/// Reproducible from its seed: mt19937 is the same everywhere, the standard distributions are not.
class Random {
  public:
    explicit Random(uint32_t seed) : engine_(seed) {}
    uint32_t between(uint32_t low, uint32_t high) {
        return low + static_cast<uint32_t>(engine_()) % (high - low + 1);
    }

  private:
    std::mt19937 engine_;
};

Plan plan_of(uint32_t m, const WeightTiling& tiling, double clock_mhz) {
    Conditions conditions;
    conditions.machine = {.clock_mhz = clock_mhz, .lanes = tiling.request.lanes};
    return make_plan(m, tiling, conditions).value();
}

TEST(Planner, EveryPlanOfRandomShapesIsLegalAndCoversTheProductOnce) {
    for (uint32_t seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Random random(seed);
        TilingRequest r = request(random.between(1, 5000), random.between(1, 3000));
        r.lanes = random.between(1, 4);
        r.type = random.between(0, 3) == 0 ? NumberType::F16 : NumberType::Int8;
        const WeightTiling tiling = tiling_for(r).value();
        const uint32_t m = random.between(1, 700);
        const Plan plan = plan_of(m, tiling, random.between(100, 1000));
        EXPECT_EQ(complaint(plan, tiling), "") << m << " x " << r.k << " x " << r.n;
    }
}

TEST(Planner, NoTileIsLongerOrHigherThanBoardsWereSeenToManage) {
    for (const auto& [m, k] : {std::pair{8U, 4096U}, std::pair{2000U, 32U}}) {
        TilingRequest r = request(k, 64);
        r.slice_ends = {k};
        const WeightTiling tiling = tiling_for(r).value();
        for (const Tile& tile : plan_of(m, tiling, 600).tiles) {
            EXPECT_LE(tile.k, 3072U);  // from there to 4096 a task of more than 4 rows hangs
            EXPECT_LE(tile.m, 1020U);
        }
    }
    TilingRequest r = request(4096, 64);  // rounded sums: K cannot be cut
    r.type = NumberType::F16;
    r.slice_ends = {4096};
    EXPECT_FALSE(tiling_for(r).ok());
}

TEST(Planner, MoreTilesThanMemoryAndTimeAllowAreRefused) {
    TilingRequest r = request(64, 64);
    r.limits.max_m = 1;
    const Result<Plan> plan = make_plan(1U << 24, tiling_for(r).value(), {});
    ASSERT_FALSE(plan.ok());
    EXPECT_NE(plan.error().message.find("take fewer rows"), std::string::npos);
}

TEST(Planner, EveryPlanForASmallerCbufIsLegalToo) {
    for (uint32_t seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Random random(seed);
        TilingRequest r = request(random.between(1, 500), random.between(1, 200));
        r.limits.cbuf_banks = random.between(2, 6);
        r.limits.bank_bytes = 8192U << random.between(0, 1);
        r.limits.max_m = random.between(16, 40);
        r.limits.max_n = 32 * random.between(1, 8);
        const Result<WeightTiling> tiling = tiling_for(r);
        ASSERT_TRUE(tiling.ok()) << tiling.error().message;
        const Plan plan = plan_of(random.between(1, 80), *tiling, 600);
        EXPECT_EQ(complaint(plan, *tiling), "");
    }
}

TEST(Planner, JobsEndBeforeTheirLimitAtTheJobClock) {
    const WeightTiling tiling = tiling_for(request(1536, 151936)).value();
    Conditions conditions;
    conditions.machine.clock_mhz = 1000;
    conditions.job_clock_mhz = 200;
    const Plan plan = make_plan(512, tiling, conditions).value();
    EXPECT_GT(plan.jobs.size(), 3U);
    for (const Job& job : plan.jobs) {
        double ns = 0;
        for (uint32_t i = job.first; i < job.first + job.count; ++i)
            ns += npu::task_ns(task_work(plan.tiles[i], plan.type, tiling.request.limits),
                               {.clock_mhz = 200});
        EXPECT_LE(ns, tiling.request.limits.max_job_ns);
        EXPECT_LT(job.modelled_ns, ns);
    }
}

TEST(Planner, AModelsMatrixNeedsLessTimeOnAFasterClockOrMoreLanes) {
    double before = 1e300;
    for (const double clock : {200.0, 400.0, 600.0, 1000.0}) {
        const double ns = plan_of(512, tiling_for(request(1536, 8960)).value(), clock).time_ns;
        EXPECT_LT(ns, before);
        before = ns;
    }
    before = 1e300;
    for (const uint32_t lanes : {1U, 2U, 3U}) {
        TilingRequest r = request(1536, 8960);
        r.lanes = lanes;
        const double ns = plan_of(512, tiling_for(r).value(), 600).time_ns;
        EXPECT_LT(ns, before);
        before = ns;
    }
}

TEST(Planner, ResidentWeightsAndFeaturesAreNotReadAgain) {
    TilingRequest r = request(512, 32);
    r.lanes = 1;
    r.limits.max_m = 64;
    const Plan rows = plan_of(256, tiling_for(r).value(), 600);
    for (size_t i = 1; i < rows.tiles.size(); ++i) EXPECT_TRUE(rows.tiles[i].weight_reuse);
    r = request(512, 8192);
    r.lanes = 1;
    const Plan columns = plan_of(64, tiling_for(r).value(), 600);
    ASSERT_GT(columns.tiles.size(), 1U);
    for (size_t i = 1; i < columns.tiles.size(); ++i) EXPECT_TRUE(columns.tiles[i].data_reuse);
}

TEST(Planner, ZeroRowsAreRefusedWithASentence) {
    const WeightTiling tiling = tiling_for(request(64, 64)).value();
    EXPECT_EQ(make_plan(0, tiling, {}).error().message, "a matmul of 0 rows has no plan");
}

TEST(PlanCache, GivesTheSamePlanForTheSameRows) {
    PlanCache cache(tiling_for(request(1536, 256)).value(), {});
    const auto first = cache.plan(77).value();
    EXPECT_EQ(first, cache.plan(77).value());
    EXPECT_NE(first, cache.plan(78).value());
}

}  // namespace
}  // namespace rosenblatt::compile
