// SPDX-License-Identifier: MIT
#include "quant/row_format.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace rosenblatt::quant {
namespace {

TEST(RowFormat, TheBlockIsTheLargestPowerOfTwoDividingThePaddedK) {
    const std::pair<int64_t, int64_t> known[] = {{1536, 512}, {8960, 256}, {2048, 2048},
                                                 {256, 256},  {1, 32},     {33, 64},
                                                 {96, 32},    {4096, 4096}};
    for (const auto& [k, block] : known) {
        EXPECT_EQ(row_format(Pipeline::W8A8H, k).block, block) << "K " << k;
        EXPECT_EQ(row_format(Pipeline::W8A8, k).block, 1) << "K " << k;
    }
}

TEST(RowFormat, SlicesCoverThePaddedKInEqualPartsOfWholeTiles) {
    for (const int64_t k :
         {1, 31, 32, 33, 1536, 2047, 2048, 2049, 4864, 8960, 11008, 18944, 29568}) {
        const RowFormat format = row_format(Pipeline::W8A8H, k);
        int64_t covered = 0;
        for (int64_t s = 0; s < format.slices(); ++s) {
            EXPECT_EQ(format.slice_begin(s), covered);
            EXPECT_GT(format.slice_end(s), covered) << "K " << k << " slice " << s;
            EXPECT_LE(format.slice_end(s) - covered, k <= k_whole_max ? k_whole_max : k_slice_max);
            covered = format.slice_end(s);
            EXPECT_EQ(covered % k_channel_unit, 0);
        }
        EXPECT_EQ(covered, format.k_padded);
        EXPECT_GE(format.k_padded, k);
        EXPECT_LT(format.k_padded, k + k_channel_unit);
    }
    EXPECT_EQ(row_format(Pipeline::W8A8H, 2048).slices(), 1);
    EXPECT_EQ(row_format(Pipeline::W8A8H, 2049).slices(), 2);
    EXPECT_EQ(row_format(Pipeline::W8A8H, 8960).slice_length, 1504);
}

TEST(RowFormat, TheUnitMakesTheTransformOrthonormal) {
    for (const int64_t k : {32, 64, 512, 1024, 4096}) {
        const double expected = 1.0 / std::sqrt(static_cast<double>(k)) / 127.0;
        EXPECT_EQ(row_format(Pipeline::W8A8H, k).unit, static_cast<float>(expected)) << "K " << k;
    }
    EXPECT_EQ(row_format(Pipeline::W8A8, 512).unit, static_cast<float>(1.0 / 127.0));
}

}  // namespace
}  // namespace rosenblatt::quant
