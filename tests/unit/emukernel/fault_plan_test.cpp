// SPDX-License-Identifier: MIT
#include "emukernel/fault_plan.hpp"

#include <gtest/gtest.h>

#include <string>

namespace rosenblatt::emukernel {
namespace {

std::vector<FaultRule> parse(std::string_view text) {
    auto rules = parse_faults(text);
    EXPECT_TRUE(rules) << rules.error().message;
    return std::move(rules).value();
}

TEST(FaultPlan, EveryKindOfTheListIsUnderstood) {
    const auto rules = parse(
        "hang:job=1;drop:job=2;flip:job=3,bit=9;partial:job=4;swap:job=5;stale:job=6;"
        "iommu:job=7;slow:x=2.5;lost:job=8;enospc:bo=9");
    ASSERT_EQ(rules.size(), 10u);
    EXPECT_EQ(rules[2].kind, FaultKind::Flip);
    EXPECT_EQ(rules[2].number, 3u);
    EXPECT_EQ(rules[2].bit, 9u);
    EXPECT_EQ(rules[7].factor, 2.5);
    EXPECT_EQ(rules[9].number, 9u);
}

TEST(FaultPlan, EmptyTextAndEmptyPartsAreNoFaults) {
    EXPECT_TRUE(parse("").empty());
    EXPECT_EQ(parse(";hang:job=1;;").size(), 1u);
}

TEST(FaultPlan, AnUnusableRuleIsNamedInASentence) {
    for (const char* text :
         {"hang", "hang:", "hang:job=0", "hang:job=x", "hang:job=1,bit=2", "hang:bo=1",
          "melt:job=1", "slow:x=0", "slow:x=-1", "slow:x=nan", "slow:job=1", "flip:bit=1",
          "enospc:job=1", "drop:job=1,lane=-1", "drop:job=1,,", "drop:job=18446744073709551616"}) {
        const auto rules = parse_faults(std::string("lost:job=9;") + text);
        ASSERT_FALSE(rules) << text;
        EXPECT_NE(rules.error().message.find("\"" + std::string(text) + "\""), std::string::npos)
            << rules.error().message;
        EXPECT_EQ(rules.error().message.back(), '.');
    }
}

TEST(FaultPlan, AJobFaultStrikesOnceAtItsNumber) {
    FaultPlan plan(parse("hang:job=3"));
    std::vector<size_t> struck;
    for (size_t job = 1; job <= 6; ++job)
        if (!plan.next_job(0).empty()) struck.push_back(job);
    EXPECT_EQ(struck, std::vector<size_t>{3});
}

TEST(FaultPlan, WithALaneItStrikesThatLanesNextJobFromItsNumberOn) {
    FaultPlan plan(parse("hang:job=2,lane=1"));
    EXPECT_TRUE(plan.next_job(1).empty());   // job 1
    EXPECT_TRUE(plan.next_job(0).empty());   // job 2, another lane
    EXPECT_FALSE(plan.next_job(1).empty());  // job 3
    EXPECT_TRUE(plan.next_job(1).empty());
}

TEST(FaultPlan, SeveralFaultsMayMeetInOneJob) {
    FaultPlan plan(parse("flip:job=1,bit=0;swap:job=1"));
    EXPECT_EQ(plan.next_job(0).size(), 2u);
}

TEST(FaultPlan, BuffersAreCountedApartFromJobs) {
    FaultPlan plan(parse("enospc:bo=2"));
    EXPECT_TRUE(plan.next_job(0).empty());
    EXPECT_FALSE(plan.next_bo_fails(0));
    EXPECT_TRUE(plan.next_bo_fails(0));
    EXPECT_FALSE(plan.next_bo_fails(0));
}

TEST(FaultPlan, SlownessMultiplies) {
    EXPECT_EQ(FaultPlan(parse("slow:x=2;slow:x=3")).time_factor(), 6);
    EXPECT_EQ(FaultPlan({}).time_factor(), 1);
}

}  // namespace
}  // namespace rosenblatt::emukernel
