// SPDX-License-Identifier: MIT
// Disassembler and assembler: exact inverses for any words, and errors that name the line.
#include "regcmd/assemble.hpp"

#include <gtest/gtest.h>

#include <random>

#include "regcmd/disassemble.hpp"
#include "regcmd/word.hpp"

namespace rosenblatt::regcmd {
namespace {

/// Words that reach every branch of the decoder much more often than uniform ones would.
uint64_t likely_word(std::mt19937_64& random) {
    const uint64_t bits = random();
    const auto& block = npu::k_blocks[random() % std::size(npu::k_blocks)];
    const auto& entry = npu::k_registers[random() % std::size(npu::k_registers)];
    const auto value = static_cast<uint32_t>(random() & random());
    switch (random() % 8) {
        case 0:
            return bits;
        case 1:
            return make_word(block.target, static_cast<uint16_t>(bits), value).bits;
        case 2:
            return make_word(static_cast<uint16_t>(block.target ^ (bits & 0x7f)), entry.offset,
                             value)
                .bits;
        case 3:
            return make_word(k_enable_target, k_enable_offset, value).bits;
        case 4:
            return uint64_t{1} << (bits % 64);
        case 5:
            return k_marker.bits ^ (bits % 4 == 0 ? bits & 0xff : 0);
        default:
            return make_word(npu::info(entry.block).target, entry.offset, value).bits;
    }
}

TEST(Assemble, WordsToTextToWordsIsTheIdentityForAnyWords) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    for (int round = 0; round < 200; ++round) {
        std::vector<uint64_t> words(300);
        for (uint64_t& word : words) word = likely_word(random);
        const std::string text = disassemble(words);
        const auto back = assemble(text);
        ASSERT_TRUE(back.ok()) << back.error().message;
        ASSERT_EQ(*back, words);
        ASSERT_EQ(disassemble(*back), text);
        const auto commented = assemble(disassemble(words, Hex::AsComment));
        ASSERT_TRUE(commented.ok()) << commented.error().message;
        ASSERT_EQ(*commented, words);
    }
}

TEST(Assemble, EveryRegisterRoundTripsWithEachSingleBit) {
    for (const npu::RegisterInfo& entry : npu::k_registers) {
        const uint16_t target = npu::info(entry.block).target;
        if (target == 0) continue;
        for (unsigned bit = 0; bit < 32; ++bit) {
            const Word word = make_word(target, entry.offset, 1u << bit);
            const auto back = assemble(disassemble(word));
            ASSERT_TRUE(back.ok()) << entry.name << ": " << back.error().message;
            ASSERT_EQ(*back, std::vector<uint64_t>{word.bits}) << disassemble(word);
        }
    }
}

TEST(Disassemble, SaysFieldsInPlainUnits) {
    EXPECT_EQ(disassemble(Word{0x0201000000b11040}),
              "CNA.CBUF_CON0              data_bank=1 weight_bank=11");
    EXPECT_EQ(disassemble(Word{0x02010ffffffd1080}), "CNA.DMA_CON2               surf_stride=-3");
    EXPECT_EQ(
        disassemble(Word{0x1001a80000024010}),
        "DPU.DATA_FORMAT            proc_precision=Fp16 in_precision=Fp16 out_precision=Fp32");
    EXPECT_EQ(disassemble(Word{0x0801000f004f3014}),
              "CORE.DATAOUT_SIZE_0        width=80 height=16");
    EXPECT_EQ(disassemble(Word{0x0101013894400010}),
              "PC.BASE_ADDRESS            source_addr=0x1389440");
    EXPECT_EQ(disassemble(Word{0x020100000000100c}), "CNA.CONV_CON1");
    EXPECT_EQ(disassemble(Word{0x00810000001d0008}),
              "ENABLE                     cna=1 core=1 dpu=1 dpu_rdma=1");
}

TEST(Disassemble, ShoutsAboutWhatNobodyNames) {
    EXPECT_EQ(disassemble(make_word(0x0201, 0x1044, 0x80000005)),
              "CNA.CBUF_CON1              data_entries=5 !reserved=0x80000000");
    EXPECT_EQ(disassemble(make_word(0x0801, 0x3034, 7)), "CORE.0x3034                value=0x7");
    EXPECT_EQ(disassemble(make_word(0x0801, 0x1040, 7)), "CORE.0x1040                value=0x7");
    EXPECT_EQ(disassemble(make_word(0x0200, 0x1044, 5)),
              "CNA.CBUF_CON1              data_entries=5 !target=0x0200");
    EXPECT_EQ(disassemble(make_word(0x0301, 0x1044, 5)), "WORD 0x0301000000051044");
    EXPECT_EQ(disassemble(make_word(0x0001, 0, 0)), "WORD 0x0001000000000000");
}

TEST(Assemble, TakesCommentsIndicesAndLooseSpacing) {
    const auto words = assemble(
        "# a header\n\n  7:\tCNA.CBUF_CON0 weight_bank=0xb   data_bank=1 ; two\r\n"
        "CORE.0x3010 qd_en=1\nNOP\nMARKER\nENABLE cna=1 core=1 dpu=1");
    ASSERT_TRUE(words.ok()) << words.error().message;
    EXPECT_EQ(*words, (std::vector<uint64_t>{0x0201000000b11040, 0x0801000000013010, 0,
                                             0x0041000000000000, 0x00810000000d0008}));
}

struct BadLine {
    const char* text;
    const char* complaint;
};

TEST(Assemble, ShowsOfAMistakeOnlyWhatATerminalMayPrint) {
    for (const std::string text : {"\x1b[2J\a", "ENABLE cna=\x1b[2J", "CNA.\x1b\xff value=1"}) {
        const auto words = assemble(text);
        ASSERT_FALSE(words.ok());
        for (const char c : words.error().message) EXPECT_TRUE(c >= ' ' && c <= '~') << text;
        EXPECT_NE(words.error().message.find("\\x1b"), std::string::npos) << words.error().message;
    }
    const auto words = assemble(std::string(100'000, 'x'));
    EXPECT_LT(words.error().message.size(), 200U);
}

TEST(Assemble, NamesLineAndReasonOfAMistake) {
    const BadLine lines[] = {
        {"CNA.CBUF_CON0 data_bank=16", "data_bank = 16 does not fit: write 0 to 15"},
        {"CORE.DATAOUT_SIZE_1 channel=0", "write 1 to 65536"},
        {"CNA.DMA_CON2 surf_stride=-134217729", "write -134217728 to 134217727"},
        {"CNA.CONV_CON1 in_precision=Int32", "'Int32' is no Precision: write Int8,"},
        {"CNA.CONV_CON1 in_precision=9", "does not fit"},
        {"CNA.CBUF_CON0 bank=1", "has no field 'bank', only data_bank,"},
        {"CNA.CBUF_CON0 data_bank=1 data_bank=1", "given twice"},
        {"CNA.CBUF_CON0 data_bank", "not of the form field=value"},
        {"CNA.CBUF_CON0 data_bank=", "is not a number"},
        {"CNA.CBUF_CON0 !reserved=0x1", "has bits outside"},
        {"CNA.CBUF_CON0 !target=0x0801", "does not select this block"},
        {"CNA.CBUF_CON0 !target=0x10201", "wider than 16 bits"},
        {"CNA.CBUF_CON9", "CNA has no register 'CBUF_CON9'"},
        {"GLOBAL.OPERATION_ENABLE cna=1", "no stream reaches a block 'GLOBAL'"},
        {"NPU.CBUF_CON0", "no stream reaches a block 'NPU'"},
        {"CORE.0x3034 data=1", "has only 'value'"},
        {"CORE.0x3034 value=0x100000000", "has bits outside"},
        {"PC.BASE_ADDRESS source_addr=0x1008", "is not a multiple of 16"},
        {"WORD", "takes one number"},
        {"WORD 0x10000000000000000", "is not a number"},
        {"NOP 1", "NOP takes nothing"},
        {"HALT", "'HALT' is no word"},
    };
    for (const BadLine& line : lines) {
        const auto words = assemble(std::string("NOP\n\n") + line.text + "\nNOP\n");
        ASSERT_FALSE(words.ok()) << line.text;
        EXPECT_EQ(words.error().message.find("line 3: "), 0u) << words.error().message;
        EXPECT_NE(words.error().message.find(line.complaint), std::string::npos)
            << words.error().message;
    }
}

}  // namespace
}  // namespace rosenblatt::regcmd
