// SPDX-License-Identifier: MIT
// Command words: encoding and what the PC block takes them for.
#include "regcmd/word.hpp"

#include <gtest/gtest.h>

namespace rosenblatt::regcmd {
namespace {

TEST(Word, PutsTargetValueAndOffsetWhereTheManualHasThem) {
    constexpr Word word = make_word(0x0201, 0x1040, 0xb1);
    EXPECT_EQ(word.bits, 0x0201000000b11040u);
    EXPECT_EQ(word.target(), 0x0201);
    EXPECT_EQ(word.value(), 0xb1u);
    EXPECT_EQ(word.offset(), 0x1040);
    EXPECT_EQ(make_word(0xffff, 0xffff, ~0u).bits, ~uint64_t{0});
}

TEST(Word, EachTargetSelectsItsBlock) {
    for (const npu::BlockInfo& block : npu::k_blocks) {
        if (block.target == 0) continue;
        const Word word = make_word(block.target, block.base, 1);
        EXPECT_EQ(word.kind(), WordKind::Register) << block.name;
        ASSERT_NE(word.block(), nullptr) << block.name;
        EXPECT_EQ(word.block()->name, block.name);
    }
}

TEST(Word, Bit48AndItsNeighboursAreNotDecoded) {
    EXPECT_EQ(make_word(0x0200, 0x1040, 0).block()->block, npu::Block::Cna);
    EXPECT_EQ(make_word(0x027f, 0x1040, 0).block()->block, npu::Block::Cna);
}

TEST(Word, TwoBlocksAtOnceAndUnassignedBitsAreUnknown) {
    EXPECT_EQ(make_word(0x0301, 0x1040, 0).kind(), WordKind::Unknown);
    EXPECT_EQ(make_word(0x0401, 0x2000, 0).kind(), WordKind::Unknown);
    EXPECT_EQ(make_word(0x0281, 0x0008, 0).kind(), WordKind::Unknown);
}

TEST(Word, NopMarkerAndEnableAreTold) {
    EXPECT_EQ(k_nop.kind(), WordKind::Nop);
    EXPECT_EQ(make_word(0x0001, 0x1234, 5).kind(), WordKind::Nop);
    EXPECT_EQ(k_marker.bits, 0x0041000000000000u);
    EXPECT_EQ(k_marker.kind(), WordKind::Marker);
    EXPECT_EQ(make_word(0x0041, 0, 1).kind(), WordKind::Unknown);
    constexpr Word enable = enable_word({.cna = true, .core = true, .dpu = true, .dpu_rdma = true});
    EXPECT_EQ(enable.bits, 0x00810000001d0008u);
    EXPECT_EQ(enable.kind(), WordKind::Enable);
    EXPECT_EQ(make_word(0x0081, 0x000c, 0xd).kind(), WordKind::Unknown);
}

}  // namespace
}  // namespace rosenblatt::regcmd
