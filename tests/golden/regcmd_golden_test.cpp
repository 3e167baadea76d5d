// SPDX-License-Identifier: MIT
// Streams of matmul tasks as text, compared with tests/golden/regcmd/*.txt.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "compile/emit_matmul.hpp"
#include "regcmd/assemble.hpp"
#include "regcmd/disassemble.hpp"

namespace rosenblatt {
namespace {

using compile::MatmulTask;
using npu::Element;

std::string golden_file(const std::string& name) {
    return std::string(ROSENBLATT_SOURCE_DIR) + "/tests/golden/regcmd/" + name + ".txt";
}

void expect_golden(const std::string& name, const MatmulTask& task) {
    const std::vector<uint64_t> words = compile::emit_matmul(task);
    const std::string text = regcmd::disassemble(words, regcmd::Hex::AsComment);
    const std::string file = golden_file(name);
    if (std::getenv("ROSENBLATT_UPDATE_GOLDEN") != nullptr) std::ofstream(file) << text;
    std::ostringstream expected;
    expected << std::ifstream(file).rdbuf();
    EXPECT_EQ(text, expected.str()) << file;
    const auto again = regcmd::assemble(text);
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(*again, words);
}

MatmulTask int8_task(uint32_t m, uint32_t k, uint32_t n, uint32_t data_banks) {
    return {.m = m,
            .k = k,
            .n = n,
            .data_banks = data_banks,
            .weight_banks = 12 - data_banks,
            .features = compile::native_features(m),
            .output = compile::native_results(Element::Int8, Element::Int32, m),
            .feature_address = 0x0,
            .weight_address = 0x100000,
            .output_address = 0x800000};
}

TEST(GoldenRegcmd, Int8Matmul64x896x896) {
    expect_golden("int8_64x896x896", int8_task(64, 896, 896, 2));
}

TEST(GoldenRegcmd, Int8MatmulOfOneRow) {
    expect_golden("int8_1x32x32", int8_task(1, 32, 32, 1));
}

TEST(GoldenRegcmd, Int8RowWindowWithReusedFeatures) {
    MatmulTask task = int8_task(128, 2048, 2976, 8);
    task.features = compile::native_features(512);
    task.feature_address = 128 * npu::k_atom_bytes;
    task.data_reuse = true;
    expect_golden("int8_128of512x2048x2976_data_reuse", task);
}

TEST(GoldenRegcmd, Fp16MatmulToFp32) {
    MatmulTask task = int8_task(64, 896, 896, 4);
    task.operand = Element::Fp16;
    task.result = Element::Fp32;
    task.output = compile::native_results(Element::Fp16, Element::Fp32, 64);
    expect_golden("fp16_64x896x896", task);
}

}  // namespace
}  // namespace rosenblatt
