// SPDX-License-Identifier: MIT
#include "ggml/cost.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <utility>

#include "ggml_fixture.hpp"

namespace rosenblatt::ggml {
namespace {

class CostTest : public testing::Test {
  protected:
    CostTest() {
        start_ggml();
        auto made = CpuDelegate::create();
        cpu_ = std::move(*made);
        cost_.set_machine({600, Board::Lpddr5, 3});
        cost_.set_emulated();
    }
    double gain(int64_t m, int64_t k, int64_t n) {
        return cost_.gain_ns({m, k, n, 1}, GGML_TYPE_Q8_0, *cpu_);
    }

    std::unique_ptr<CpuDelegate> cpu_;
    Cost cost_{Pipeline::W8A8H};
};

TEST_F(CostTest, MatricesTooLargeForTheNpuAreNotWorthIt) {
    constexpr int64_t k_large = int64_t{1} << 31;
    for (const auto& [k, n] : {std::pair{k_large, int64_t{64}}, {int64_t{64}, k_large},
                               {k_large - 1, int64_t{64}}, {int64_t{64}, k_large - 1},
                               {int64_t{1} << 24, int64_t{1} << 24}, {k_large, k_large}})
        EXPECT_LT(gain(512, k, n), 0) << k << " x " << n;
}

TEST_F(CostTest, AnyNumberOfRowsIsAnsweredAndCostsWhatItsPanelsCost) {
    const double one = gain(2048, 1536, 1536);
    for (const int64_t panels : {int64_t{2}, int64_t{1} << 20, int64_t{1} << 40})
        EXPECT_NEAR(gain(2048 * panels, 1536, 1536) / static_cast<double>(panels), one,
                    std::abs(one) / 50)
            << panels;
}

TEST_F(CostTest, ASingleElementIsAnsweredToo) {
    EXPECT_LT(gain(1, 1, 1), 0);
}

TEST_F(CostTest, TheEmulatedNpuLeavesSingleTokensToTheBoardsCpuAndTakesPrompts) {
    for (const ggml_type type : {GGML_TYPE_Q4_K, GGML_TYPE_Q6_K, GGML_TYPE_Q8_0}) {
        EXPECT_FALSE(cost_.npu_is_faster({1, 1536, 8960, 1}, type, *cpu_)) << ggml_type_name(type);
        EXPECT_TRUE(cost_.npu_is_faster({512, 1536, 8960, 1}, type, *cpu_)) << ggml_type_name(type);
    }
}

TEST_F(CostTest, TheBoardsCpuWaitsForMemoryWithOneRowAndForItsMacsWithMore) {
    const CpuRate rate = board_cpu(GGML_TYPE_Q8_0);
    EXPECT_DOUBLE_EQ(rate.first_ns, 34.0 / 32 / 16);
    EXPECT_DOUBLE_EQ(rate.more_ns, 0.01);
}

}  // namespace
}  // namespace rosenblatt::ggml
