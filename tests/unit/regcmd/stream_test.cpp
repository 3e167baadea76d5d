// SPDX-License-Identifier: MIT
// Streams: the tail, the parity, cutting a run of words into tasks.
#include "regcmd/stream.hpp"

#include <gtest/gtest.h>

namespace rosenblatt::regcmd {
namespace {

constexpr EnableMask k_matmul{.cna = true, .core = true, .dpu = true};

TEST(StreamBuilder, EndsAStreamWithItsFourTailWords) {
    StreamBuilder stream;
    stream.write(npu::cna::CBUF_CON0{.data_bank = 4, .weight_bank = 8}).raw(0x0801, 0x3030, 0);
    const std::vector<uint64_t> words = stream.finish(k_matmul);
    EXPECT_EQ(words,
              (std::vector<uint64_t>{0x0201000000841040, 0x0801000000003030, 0, 0x0101000000000014,
                                     0x0041000000000000, 0x00810000000d0008}));
    EXPECT_EQ(stream.size(), 0u);
}

TEST(StreamBuilder, PadsToAnEvenNumberOfWords) {
    StreamBuilder stream;
    stream.write(npu::dpu::S_POINTER{.pointer_pp_en = true});
    const std::vector<uint64_t> words = stream.finish(k_matmul);
    ASSERT_EQ(words.size(), 6u);
    EXPECT_EQ(words[1], 0u);
}

TEST(StreamBuilder, AmountsAreTheKernelsFormulaAndCoverTheStream) {
    EXPECT_EQ(register_amounts(112), 55u);  // body of 108 words, vendor value 0x37
    EXPECT_EQ(register_amounts(17), 8u);
    EXPECT_EQ(register_amounts(130), 64u);
    for (size_t words = 1; words < 300; ++words) {
        EXPECT_GE(fetched_words(register_amounts(words)), words);
        EXPECT_LE(fetched_words(register_amounts(words)), words + 1);
    }
}

TEST(SplitTasks, CutsAfterEnableWordsAndSkipsThePaddingBetween) {
    const uint64_t enable = enable_word(k_matmul).bits;
    const std::vector<uint64_t> words{7, 0, enable, 0, 0, 8, enable, 0, 9};
    const auto tasks = split_tasks(words);
    ASSERT_EQ(tasks.size(), 3u);
    EXPECT_EQ(tasks[0].size(), 3u);
    EXPECT_EQ(tasks[1].size(), 2u);
    EXPECT_EQ(tasks[1][0], 8u);
    EXPECT_EQ(tasks[2].size(), 1u);
    EXPECT_TRUE(split_tasks({}).empty());
    EXPECT_TRUE(split_tasks(std::vector<uint64_t>(4)).empty());
}

}  // namespace
}  // namespace rosenblatt::regcmd
