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

}  // namespace
}  // namespace rosenblatt::ggml
