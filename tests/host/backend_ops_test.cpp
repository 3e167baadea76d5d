// SPDX-License-Identifier: MIT
// llama.cpp's own operation tests, which compare ROCKET0 with ggml's CPU reference.
#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>

#include "llama_tool.hpp"

namespace rosenblatt::host {
namespace {

size_t occurrences(const std::string& text, const std::string& word) {
    size_t count = 0;
    for (size_t at = text.find(word); at != text.npos; at = text.find(word, at + word.size()))
        ++count;
    return count;
}

Outcome run_operation(const std::string& operation) {
    return LlamaTool("test-backend-ops", {"test", "-b", "ROCKET0", "-o", operation})
        .env("GGML_ROCKET_MIN_M", "1")
        .run();
}

TEST(BackendOps, EveryMatrixMultiplicationIsRightAndAThousandRunOnTheNpu) {
    const auto outcome = run_operation("MUL_MAT");
    ASSERT_EQ(outcome.exit_code, 0) << outcome.transcript();
    EXPECT_EQ(occurrences(outcome.out, "FAIL"), 0u) << outcome.transcript();
    EXPECT_GE(outcome.npu_matmuls(), 1000);
    EXPECT_EQ(outcome.stats["checksum"]["mismatch"], 0);
}

TEST(BackendOps, ExpertsAreRightAndRunOnTheNpu) {
    const auto outcome = run_operation("MUL_MAT_ID");
    ASSERT_EQ(outcome.exit_code, 0) << outcome.transcript();
    EXPECT_EQ(occurrences(outcome.out, "FAIL"), 0u) << outcome.transcript();
    EXPECT_GE(outcome.npu_matmuls(), 500);
    EXPECT_EQ(outcome.stats["checksum"]["mismatch"], 0);
}

TEST(BackendOps, WhatTheCpuDoesForUsIsRight) {
    for (const char* operation :
         {"ADD", "RMS_NORM", "SOFT_MAX", "SET_ROWS", "GET_ROWS", "SWIGLU"}) {
        const auto outcome = run_operation(operation);
        EXPECT_EQ(outcome.exit_code, 0) << operation << "\n" << outcome.transcript();
    }
}

// Cases that fail, by operation and parameters.
std::set<std::string> failures(const char* device) {
    const auto outcome = LlamaTool("test-backend-ops", {"test", "-b", device})
                             .env("GGML_ROCKET_MIN_M", "1")
                             .run();
    std::set<std::string> failed;
    std::istringstream lines(outcome.out);
    for (std::string line; std::getline(lines, line);)
        if (line.find("FAIL") != line.npos) failed.insert(line.substr(0, line.find("): ")));
    EXPECT_NE(outcome.out.find("tests passed"), std::string::npos) << outcome.transcript();
    return failed;
}

TEST(BackendOps, NothingFailsThatDoesNotFailOnTheCpu) {
    const std::set<std::string> on_cpu = failures("CPU");
    for (const std::string& failed : failures("ROCKET0"))
        EXPECT_TRUE(on_cpu.contains(failed)) << failed;
}

}  // namespace
}  // namespace rosenblatt::host
