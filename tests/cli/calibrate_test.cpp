// SPDX-License-Identifier: MIT
#include "cli/calibrate.hpp"

#include <gtest/gtest.h>

#include "cli/divergence.hpp"

namespace rosenblatt::cli {
namespace {

std::vector<CalibrateGroup> groups() {
    return {{.name = "cheap", .tensors = {}, .macs = 100, .loss = 1e-5},
            {.name = "dear", .tensors = {}, .macs = 100, .loss = 8e-5},
            {.name = "large", .tensors = {}, .macs = 1000, .loss = 4e-5},
            {.name = "noise", .tensors = {}, .macs = 10, .loss = -1e-6}};
}

std::string int8_of(const std::vector<CalibrateGroup>& all) {
    std::string names;
    for (const CalibrateGroup& group : all)
        if (group.int8) names += group.name + " ";
    return names;
}

TEST(Calibrate, TheLeastLossPerMultiplicationGoesFirstAndTheBudgetHolds) {
    auto all = groups();
    choose_int8(all, 1e-3);
    EXPECT_EQ(int8_of(all), "cheap dear large noise ");
    choose_int8(all, 5.5e-5);
    EXPECT_EQ(int8_of(all), "cheap large noise ");
    choose_int8(all, 4.5e-5);
    EXPECT_EQ(int8_of(all), "large noise ");
    choose_int8(all, 0);
    EXPECT_EQ(int8_of(all), "noise ");
}

TEST(Calibrate, TheWorstPerMultiplicationIsTakenBackFirst) {
    auto all = groups();
    choose_int8(all, 1);
    EXPECT_TRUE(take_back_worst(all));
    EXPECT_EQ(int8_of(all), "cheap large noise ");
    EXPECT_TRUE(take_back_worst(all));
    EXPECT_EQ(int8_of(all), "large noise ");
    while (take_back_worst(all)) {
    }
    EXPECT_EQ(int8_of(all), "");
}

TEST(Calibrate, TheFigureIsReadFromTheToolsTable) {
    const auto figure = mean_divergence("Mean PPL: 18\nMean    KLD:   0.000183 ±   0.000002\n");
    ASSERT_TRUE(figure.ok());
    EXPECT_DOUBLE_EQ(*figure, 0.000183);
    EXPECT_FALSE(mean_divergence("Maximum KLD: 1\n").ok());
}

}  // namespace
}  // namespace rosenblatt::cli
