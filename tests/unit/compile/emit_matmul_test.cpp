// SPDX-License-Identifier: MIT
#include "compile/emit_matmul.hpp"

#include <gtest/gtest.h>

#include <map>

#include "regcmd/stream.hpp"

namespace rosenblatt::compile {
namespace {

using npu::Element;

MatmulTask int8_task(uint32_t m, uint32_t k, uint32_t n) {
    const uint32_t data_banks = (m * k + 32767) / 32768;
    return {.m = m,
            .k = k,
            .n = n,
            .data_banks = data_banks,
            .weight_banks = 12 - data_banks,
            .features = native_features(m),
            .output = native_results(Element::Int8, Element::Int32, m),
            .feature_address = 0x1000,
            .weight_address = 0x200000,
            .output_address = 0x300040};
}

/// Register values by offset; a register written twice is a failure.
std::map<uint32_t, uint32_t> registers(const std::vector<uint64_t>& words) {
    std::map<uint32_t, uint32_t> values;
    for (const uint64_t bits : words) {
        const regcmd::Word word{bits};
        if (word.kind() != regcmd::WordKind::Register) continue;
        EXPECT_TRUE(values.emplace(word.offset(), word.value()).second)
            << std::hex << word.offset();
    }
    return values;
}

/// The recipe of hardware.md 6.1, as numbers: written down a second time on purpose.
std::map<uint32_t, uint32_t> recipe(uint32_t m, uint32_t k, uint32_t n) {
    const uint32_t db = (m * k + 32767) / 32768;
    std::map<uint32_t, uint32_t> v = {{0x4004, 0xe},
                                      {0x100c, 0},
                                      {0x1010, (m + 1) << 4},
                                      {0x1014, 9},
                                      {0x1020, 1 << 16 | m},
                                      {0x1024, (k - 1) << 16 | k},
                                      {0x1028, 1},
                                      {0x102c, m},
                                      {0x1030, k * n},
                                      {0x1034, k},
                                      {0x1038, 1 << 24 | 1 << 16 | n},
                                      {0x1040, (12 - db) << 4 | db},
                                      {0x1044, (k + 63) / 64},
                                      {0x104c, 0xb},
                                      {0x1050, 0x10000},
                                      {0x1054, 0x10000},
                                      {0x1058, 0x10000},
                                      {0x105c, 0x10000},
                                      {0x1060, 0},
                                      {0x1064, 0},
                                      {0x1068, 0},
                                      {0x1070, 0x1000},
                                      {0x1074, 0},
                                      {0x1078, 0xf000f},
                                      {0x107c, 4},
                                      {0x1080, (m - 4) & 0xfffffff},
                                      {0x1084, 1 << 16 | m},
                                      {0x1088, k},
                                      {0x1100, 0},
                                      {0x1104, 0},
                                      {0x1110, 0x200000},
                                      {0x1180, 0},
                                      {0x1184, 0},
                                      {0x3010, 1},
                                      {0x3014, (m - 1) << 16},
                                      {0x3018, n - 1},
                                      {0x301c, 0},
                                      {0x3030, 0},
                                      {0x400c, 0x1e4},
                                      {0x4010, 0x80000000},
                                      {0x4014, 0},
                                      {0x4020, 0x300040},
                                      {0x4024, m << 4},
                                      {0x4030, 0},
                                      {0x4034, m - 1},
                                      {0x4038, 0},
                                      {0x403c, (n - 1) << 16 | (n - 1)},
                                      {0x4040, 0x53},
                                      {0x4044, 0},
                                      {0x4048, 0},
                                      {0x404c, 0},
                                      {0x4050, 0x7fe},
                                      {0x4054, 0},
                                      {0x4058, n - 1},
                                      {0x405c, (m - 1) << 16},
                                      {0x4060, 0x53},
                                      {0x4064, 0},
                                      {0x4068, 0},
                                      {0x406c, 0},
                                      {0x4070, 0x383},
                                      {0x4074, 0},
                                      {0x4078, 1},
                                      {0x407c, 0},
                                      {0x4080, 0},
                                      {0x4084, 1},
                                      {0x4088, 0},
                                      {0x40c0, (8 * m) << 4},
                                      {0x40c4, 0},
                                      {0x0014, 0}};
    for (uint32_t at = 0x1140; at <= 0x117c; at += 4) v[at] = 0;
    for (uint32_t at = 0x4090; at <= 0x40ac; at += 4) v[at] = 0;
    for (uint32_t at : {0x4100, 0x4104, 0x4108, 0x410c}) v[at] = 0;
    for (uint32_t at = 0x4110; at <= 0x412c; at += 4) v[at] = 0;
    return v;
}

TEST(EmitMatmul, Int8StreamsHoldTheValuesOfTheRecipe) {
    const uint32_t shapes[][3] = {{64, 896, 896},  {1, 32, 32},    {2, 64, 32},
                                  {3, 32, 64},     {6, 1536, 256}, {128, 2048, 4096},
                                  {161, 1792, 32}, {1022, 32, 64}};
    for (const auto& [m, k, n] : shapes) {
        const auto words = emit_matmul(int8_task(m, k, n));
        EXPECT_EQ(registers(words), recipe(m, k, n)) << m << "x" << k << "x" << n;
        EXPECT_EQ(words.size(), 108u) << "104 registers and the tail";
    }
}

TEST(EmitMatmul, TheStreamBeginsWithThePointerAndEndsByStartingCnaCoreAndDpu) {
    const auto words = emit_matmul(int8_task(64, 896, 896));
    EXPECT_EQ(words.front(), 0x1001'0000000e'4004u);
    ASSERT_GE(words.size(), 4u);
    EXPECT_EQ(words[words.size() - 4], 0u);
    EXPECT_EQ(words[words.size() - 3], 0x0101'00000000'0014u);
    EXPECT_EQ(words[words.size() - 2], 0x0041'00000000'0000u);
    EXPECT_EQ(words[words.size() - 1], 0x0081'0000000d'0008u);
}

TEST(EmitMatmul, RowWindowsKeepTheSurfaceStrideOfTheWholeCube) {
    MatmulTask task = int8_task(32, 64, 32);
    task.features = native_features(200);
    EXPECT_EQ(registers(emit_matmul(task)).at(0x1080), 196u);
}

TEST(EmitMatmul, ReuseBitsStandInTheBankRegister) {
    MatmulTask task = int8_task(32, 64, 32);
    task.data_reuse = true;
    EXPECT_EQ(registers(emit_matmul(task)).at(0x1040), 0x10b1u);
    task.data_reuse = false;
    task.weight_reuse = true;
    EXPECT_EQ(registers(emit_matmul(task)).at(0x1040), 0x20b1u);
}

TEST(EmitMatmul, RowMajorOperandsUseTheLineMode) {
    MatmulTask task = int8_task(32, 64, 96);
    task.features = npu::row_major_strides(4);
    task.output = row_major_results(Element::Int8, Element::Int32, 24);
    const auto values = registers(emit_matmul(task));
    EXPECT_EQ(values.at(0x100c), 1u << 29);
    EXPECT_EQ(values.at(0x107c), 4u);
    EXPECT_EQ(values.at(0x1080), 0u);
    EXPECT_EQ(values.at(0x4024), 0x10u);
    EXPECT_EQ(values.at(0x4038), 23u << 16 | 23u);
    EXPECT_EQ(values.at(0x40c0), 0x80u);
}

// hardware.md 3.2 and 6.1; an open generator that runs on boards gives 0x1034 and 0x1044 for this shape.
TEST(EmitMatmul, Int4StreamsHoldTheValuesOfTheRecipe) {
    const uint32_t m = 64, k = 256, n = 128;
    MatmulTask task = int8_task(m, k, n);
    task.operand = Element::Int4;
    task.result = Element::Int16;
    task.output = native_results(Element::Int4, Element::Int16, m);
    auto expected = recipe(m, k, n);
    expected[0x100c] = 0x360;
    expected[0x1030] = k * n / 2;
    expected[0x1034] = 0x80;
    expected[0x1040] = 0xb1;
    expected[0x1044] = 2;
    expected[0x3010] = 0x601;
    expected[0x4010] = 0x38000006;
    task.data_banks = 1;
    task.weight_banks = 11;
    EXPECT_EQ(registers(emit_matmul(task)), expected);
}

TEST(EmitMatmul, Fp16StreamsHoldTheValuesOfTheRecipe) {
    const uint32_t m = 64, k = 256, n = 128;
    MatmulTask task = int8_task(m, k, n);
    task.operand = Element::Fp16;
    task.result = Element::Fp32;
    task.output = native_results(Element::Fp16, Element::Fp32, m);
    task.data_banks = 1;
    task.weight_banks = 11;
    auto expected = recipe(m, k, n);
    expected[0x100c] = 0x120;
    expected[0x1030] = 2 * k * n;
    expected[0x1034] = 2 * k;
    expected[0x1044] = k / 32;
    expected[0x3010] = 0x201;
    expected[0x4010] = 0xa8000002;
    expected[0x4050] = 0x36e;
    expected[0x40c0] = (4 * m) << 4;
    EXPECT_EQ(registers(emit_matmul(task)), expected);

    task.result = Element::Fp16;
    task.output = native_results(Element::Fp16, Element::Fp16, m);
    expected[0x4010] = 0x48000002;
    expected[0x4050] = 0x126;
    expected[0x4084] = 0x10001;
    expected[0x40c0] = (2 * m) << 4;
    EXPECT_EQ(registers(emit_matmul(task)), expected);
}

TEST(TaskTemplate, OnlyTheThreeAddressesChange) {
    MatmulTask task = int8_task(6, 64, 96);
    const TaskTemplate pattern(task);
    task.feature_address = 0;
    task.weight_address = 0xfffffff0;
    task.output_address = 0x12340;
    std::vector<uint64_t> words(pattern.size());
    pattern.write(words.data(), 0, 0xfffffff0, 0x12340);
    EXPECT_EQ(words, emit_matmul(task));
}

}  // namespace
}  // namespace rosenblatt::compile
