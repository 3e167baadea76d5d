// SPDX-License-Identifier: MIT
// Every cut of W covers it once, whatever the choice; bad requests get a sentence.
#include "compile/tiling.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>
#include <utility>

namespace rosenblatt::compile {
namespace {

TilingRequest request(uint32_t k, uint32_t n, std::vector<uint32_t> slice_ends) {
    TilingRequest r;
    r.k = k;
    r.n = n;
    r.slice_ends = std::move(slice_ends);
    return r;
}

/// Checks that the blocks are dealt lane by lane and hold every 32 x 32 tile of W once.
void expect_partition(const TilingRequest& r, const std::vector<WeightBlock>& blocks) {
    std::set<std::pair<uint32_t, uint32_t>> seen;
    uint32_t lane = 0;
    for (const WeightBlock& b : blocks) {
        EXPECT_GE(b.lane, lane);
        lane = b.lane;
        for (uint32_t k0 = b.k0; k0 < b.k0 + b.k; k0 += 32)
            for (uint32_t n0 = b.n0; n0 < b.n0 + b.n; n0 += 32)
                EXPECT_TRUE(seen.emplace(k0, n0).second);
    }
    EXPECT_LT(lane, r.lanes);
    EXPECT_EQ(seen.size(), uint64_t{(r.k + 31) / 32} * ((r.n + 31) / 32));
}

TEST(Tiling, EveryChoiceDealsEveryWeightTileToExactlyOneLane) {
    for (const uint32_t n : {1U, 32U, 256U, 1000U, 8960U})
        for (const TilingRequest& r :
             {request(32, n, {}), request(1000, n, {}), request(4096, n, {1376, 2752, 4096})})
            for (const TilingChoice& choice : choices(r))
                expect_partition(r, cut(r, choice).blocks);
}

TEST(Tiling, LanesGetNearlyEqualShares) {
    const TilingRequest r = request(8960, 1536, {1792, 3584, 5376, 7168, 8960});
    const WeightTiling tiling = tiling_for(r).value();
    const double share = 8960.0 * 1536 / 3;
    for (uint32_t lane = 0; lane < 3; ++lane)
        EXPECT_NEAR(static_cast<double>(tiling.lane_bytes(lane)), share, share / 10);
}

TEST(Tiling, F16IsNeverCutInsideASlice) {
    TilingRequest r = request(3072, 512, {1536, 3072});
    r.type = NumberType::F16;
    const WeightTiling tiling = tiling_for(r).value();
    for (const WeightBlock& block : tiling.blocks) EXPECT_EQ(block.k, 1536U);
}

TEST(Tiling, AbsurdSizesAreRefusedBeforeAnythingIsTried) {
    constexpr uint32_t most = std::numeric_limits<uint32_t>::max();
    for (const auto& [k, n] : std::vector<std::pair<uint32_t, uint32_t>>{
             {most, most}, {1U << 31, 32U}, {32U, most}, {1U << 24, 1U << 24}}) {
        const auto tiling = tiling_for(request(k, n, {}));
        ASSERT_FALSE(tiling.ok()) << k << " x " << n;
        EXPECT_NE(tiling.error().message.find("too large"), std::string::npos)
            << tiling.error().message;
    }
}

TEST(Tiling, ImpossibleRequestsAreRefusedWithASentence) {
    EXPECT_NE(tiling_for(request(0, 32, {})).error().message, "");
    EXPECT_NE(tiling_for(request(64, 32, {33, 64})).error().message, "");
    EXPECT_NE(tiling_for(request(64, 32, {32})).error().message, "");
    TilingRequest r = request(64, 32, {});
    r.lanes = 0;
    EXPECT_NE(tiling_for(r).error().message, "");
    r = request(8192, 32, {});
    r.type = NumberType::F16;
    EXPECT_NE(tiling_for(r).error().message, "");
}

}  // namespace
}  // namespace rosenblatt::compile
