// SPDX-License-Identifier: MIT
// Cube index formulas against the published settings of hardware.md 4.1, 4.2, 4.5 and 6.1.
#include "npu/cube.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace rosenblatt::npu {
namespace {

TEST(FeatureStrides, NativeMatchesTheCubeForEveryHeightIncludingOneTwoThree) {
    for (const uint32_t height : {1U, 2U, 3U, 4U, 5U, 6U, 80U}) {
        for (const uint32_t width : {1U, 3U, 8U}) {
            const FeatureCube cube{width, height, 64, Element::Int8};
            const FeatureStrides strides = native_strides(width, height);
            for (uint32_t c = 0; c < cube.channels; c += 16)
                for (uint32_t y = 0; y < height; ++y)
                    for (uint32_t x = 0; x < width; ++x)
                        ASSERT_EQ(strides.atom(c / 16, y, x) * 16,
                                  static_cast<int64_t>(cube.offset(c, y, x)));
        }
    }
}

TEST(FeatureStrides, OneRowGivesTheStrideOfTheCapturedStreams) {
    EXPECT_EQ(native_strides(1, 1).surface_stride, -3);  // 0x0ffffffd in every M = 1 capture
    EXPECT_EQ(native_strides(3, 3).surface_stride, -3);
    EXPECT_EQ(native_strides(80, 80).surface_stride, 0x17c0);
}

TEST(FeatureStrides, RowMajorWalksOneRowAtomByAtom) {
    const FeatureStrides strides = row_major_strides(96);  // K = 1536 int8
    EXPECT_EQ(strides.atom(0, 7, 0), 7 * 96);
    EXPECT_EQ(strides.atom(95, 7, 0), 7 * 96 + 95);
}

/// Banks by the mistake: bytes instead of entries.
uint64_t banks_of_bytes(uint64_t rows, uint64_t k) {
    return div_round_up<uint64_t>(rows * k, k_cbuf_bank_bytes);
}

TEST(Cbuf, TheRowsThatFailedOnSiliconAreThoseWhoseEntriesNeedAnotherBank) {
    const auto fails = [](uint64_t rows, uint64_t k) {
        return cbuf_data_banks(rows, k) > banks_of_bytes(rows, k);
    };
    // rockchip-npu-notes, encodings/cbuf-bank-slack.md: K / 32 of the int8 tiles with wrong last
    // rows
    const std::map<uint64_t, std::set<uint64_t>> published{
        {144, {7, 21, 35}}, {192, {5, 21, 37}}, {240, {17, 21, 25, 29}}};
    for (const auto& [rows, bad] : published) {
        std::set<uint64_t> ours;
        for (uint64_t groups = 1; groups <= 40; ++groups)
            if (rows * groups * 32 <= 8 * k_cbuf_bank_bytes && fails(rows, groups * 32))
                ours.insert(groups);
        EXPECT_EQ(ours, bad) << rows << " rows";
    }
    std::set<uint64_t> heights;  // there: 189..193 and 216..221 at 1184 channels
    for (uint64_t rows = 180; rows * 1184 <= 8 * k_cbuf_bank_bytes; ++rows)  // as far as it swept
        if (fails(rows, 1184)) heights.insert(rows);
    EXPECT_EQ(heights, (std::set<uint64_t>{189, 190, 191, 192, 193, 216, 217, 218, 219, 220, 221}));
}

TEST(Cbuf, Fp16RowsAndEvenWidthsEndOnAnEntry) {
    for (uint64_t k = 32; k <= 4096; k += 32) {
        EXPECT_EQ(cbuf_row_bytes(2 * k), 2 * k);  // fp16, or int8 two pixels wide
        EXPECT_EQ(cbuf_row_bytes(4 * k), 4 * k);
    }
}

TEST(WeightCube, IsAPermutationOfItsBytes) {
    for (const Element element : {Element::Int8, Element::Int4, Element::Tf32}) {
        const WeightCube cube{
            .kernels = 70, .channels = 48, .height = 3, .width = 2, .element = element};
        std::set<uint64_t> seen;
        for (uint32_t n = 0; n < cube.kernels; ++n)
            for (uint32_t c = 0; c < cube.channels; ++c)
                for (uint32_t y = 0; y < cube.height; ++y)
                    for (uint32_t x = 0; x < cube.width; ++x) seen.insert(cube.index(n, c, y, x));
        EXPECT_EQ(seen.size(), 70U * 48 * 6);
        EXPECT_EQ(*seen.rbegin(), 70U * 48 * 6 - 1);
    }
}

TEST(WeightCube, AMatmulIsMadeOfTilesOf1024Bytes) {
    const WeightCube cube{.kernels = 64, .channels = 128, .element = Element::Int8};
    EXPECT_EQ(cube.offset(0, 33), 1024U + 1);  // [N/32][K/32][32][32]
    EXPECT_EQ(cube.offset(1, 0), 32U);
    EXPECT_EQ(cube.offset(32, 0), 4096U);
    EXPECT_EQ(cube.group_offset(1), 4096U);
    const WeightCube half{.kernels = 32, .channels = 64, .element = Element::Fp16};
    EXPECT_EQ(half.offset(0, 32), 1024U);  // [N/16][K/32][16][32]
    EXPECT_EQ(half.offset(16, 0), 2048U);
}

TEST(WeightCube, TheLastGroupIsCompact) {
    const WeightCube cube{.kernels = 1002, .channels = 1024, .element = Element::Int8};
    EXPECT_EQ(cube.bytes(), 0xfa800U);  // WEIGHT_SIZE0 of conv_1x1x1024_k1_oc1001
    EXPECT_EQ(cube.offset(1000, 32), 31U * 32 * 1024 + 10 * 32 + 8 * 32);
}

TEST(OutputStrides, AgreeWithTheNativeCubeForEveryResultType) {
    struct Row {
        Element operand, output;
        uint32_t atoms;
    };
    for (const Row row :
         {Row{Element::Int8, Element::Int32, 8}, Row{Element::Int8, Element::Int8, 2},
          Row{Element::Fp16, Element::Fp32, 4}, Row{Element::Fp16, Element::Fp16, 2},
          Row{Element::Int4, Element::Int16, 8}}) {
        EXPECT_EQ(group_atoms(row.operand, row.output), row.atoms);
        const FeatureCube cube{5, 3, 128, row.output};
        const OutputStrides strides = native_output(5, 3, row.atoms);
        for (uint32_t c = 0; c < cube.channels; c += atom_elements(row.output))
            ASSERT_EQ(strides.atom(c / atom_elements(row.output), 2, 4) * 16, cube.offset(c, 2, 4));
    }
    EXPECT_EQ(group_atoms(Element::Int8, Element::Int8, true), 4U);
}

TEST(Cbuf, RowsTakeWholeEntries) {
    EXPECT_EQ(cbuf_row_bytes(96), 128U);
    EXPECT_EQ(cbuf_data_banks(128, 2048), 8U);
    EXPECT_EQ(cbuf_data_banks(1, 1), 1U);
}

}  // namespace
}  // namespace rosenblatt::npu
