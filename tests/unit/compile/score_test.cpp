// SPDX-License-Identifier: MIT
// Scoring model v1 against figures worked out by hand.
#include "compile/score.hpp"

#include <gtest/gtest.h>

namespace rosenblatt::compile {
namespace {

Plan one_tile() {
    Plan plan;
    plan.shape = {128, 1024, 8192};
    plan.conditions.machine = {.clock_mhz = 1000, .lanes = 1};
    Tile tile;
    tile.m = 128;
    tile.k = 1024;
    tile.n = 8192;
    plan.tiles = {tile};
    plan.jobs = {Job{.lane = 0, .first = 0, .count = 1}};
    return plan;
}

TEST(Score, ATaskTakesTheLongerOfMacsAndBytes) {
    const Plan plan = one_tile();
    EXPECT_EQ(dma_bytes(plan.tiles[0], NumberType::Int8), 12713984U);
    EXPECT_NEAR(score_ns(plan), 12713984 / 11.1 + 30000 + 54000, 1e-6);
    Plan slow = plan;
    slow.conditions.machine.clock_mhz = 200;
    const double mac = 128 * 32 * 256 / 0.2;
    EXPECT_NEAR(score_ns(slow), mac + 84000, 1e-6);
    EXPECT_NEAR(mac_utilisation(slow), mac / (mac + 84000), 1e-12);
}

TEST(Score, ReusedOperandsAreFreeAndRowMajorOnesCostAFifthMore) {
    Plan plan = one_tile();
    plan.tiles[0].weight_reuse = true;
    EXPECT_EQ(dma_bytes(plan.tiles[0], NumberType::Int8), 131072U + 4194304U);
    plan.tiles[0].weight_reuse = false;
    plan.tiles[0].data_reuse = true;
    plan.tiles[0].layout_c = Layout::RowMajor;
    EXPECT_NEAR(score_ns(plan), (8388608 + 1.2 * 4194304) / 11.1 + 84000, 1e-6);
}

TEST(Score, ThreeLanesShareTheDramAndTheSlowestCounts) {
    Plan plan = one_tile();
    plan.conditions.machine.lanes = 3;
    plan.tiles.push_back(plan.tiles[0]);
    plan.tiles[1].lane = 2;
    plan.tiles[1].n = 32;
    plan.jobs.push_back(Job{.lane = 2, .first = 1, .count = 1});
    EXPECT_NEAR(score_ns(plan), 12713984 / (26.6 / 3) + 84000, 1e-6);
    plan.conditions.machine.board = Board::Lpddr4x;
    EXPECT_NEAR(score_ns(plan), 12713984 / 7.0 + 84000, 1e-6);
}

}  // namespace
}  // namespace rosenblatt::compile
