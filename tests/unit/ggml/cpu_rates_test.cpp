// SPDX-License-Identifier: MIT
// Measured speeds that outlive the process, and files that are whole or not there.
#include "ggml/cpu_rates.hpp"

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "ggml/cache_file.hpp"
#include "ggml/mul_mat.hpp"

namespace rosenblatt::ggml {
namespace {

namespace fs = std::filesystem;

class CpuRatesTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "rates.XXXXXX").string();
        ASSERT_TRUE(mkdtemp(pattern.data()));
        folder_ = pattern;
        path_ = folder_ + "/new/cpu-rates.json";
    }
    void TearDown() override { fs::remove_all(folder_); }

    std::string folder_, path_;
};

TEST_F(CpuRatesTest, WhatOneProcessMeasuredTheNextOneKnows) {
    CpuRates first(path_, "this machine");
    EXPECT_FALSE(first.find(GGML_TYPE_Q4_K, 2));
    first.add(GGML_TYPE_Q4_K, 2, {0.125, 0.0625});
    const CpuRates second(path_, "this machine");
    const auto known = second.find(GGML_TYPE_Q4_K, 2);
    ASSERT_TRUE(known);
    EXPECT_EQ(known->first_ns, 0.125);
    EXPECT_EQ(known->more_ns, 0.0625);
    EXPECT_FALSE(second.find(GGML_TYPE_Q4_K, 4));
    EXPECT_FALSE(second.find(GGML_TYPE_Q8_0, 2));
}

TEST_F(CpuRatesTest, TwoProcessesKeepEachOthersRates) {
    CpuRates one(path_, "m"), other(path_, "m");
    one.add(GGML_TYPE_Q4_K, 2, {1, 1});
    other.add(GGML_TYPE_Q8_0, 2, {2, 2});
    const CpuRates both(path_, "m");
    EXPECT_TRUE(both.find(GGML_TYPE_Q4_K, 2) && both.find(GGML_TYPE_Q8_0, 2));
}

TEST_F(CpuRatesTest, AnotherMachinesFileAndABrokenOneCountAsEmpty) {
    CpuRates(path_, "that machine").add(GGML_TYPE_Q4_K, 2, {1, 1});
    EXPECT_FALSE(CpuRates(path_, "this machine").find(GGML_TYPE_Q4_K, 2));
    for (const char* text :
         {"", "{", "[]", R"({"machine":"m","rates":[1,{"type":3},{"type":"q4_K"}]})",
          R"({"machine":"m","rates":[{"type":"q4_K","threads":2,"first_ns":-1,"more_ns":0}]})"}) {
        std::ofstream(path_) << text;
        EXPECT_FALSE(CpuRates(path_, "m").find(GGML_TYPE_Q4_K, 2)) << text;
    }
}

TEST_F(CpuRatesTest, AFileThatCannotBeWrittenIsNoFault) {
    CpuRates rates("/proc/rosenblatt/cpu-rates.json", "m");
    rates.add(GGML_TYPE_Q4_K, 2, {1, 1});
    EXPECT_TRUE(rates.find(GGML_TYPE_Q4_K, 2));
}

TEST_F(CpuRatesTest, TheFirstRowCostsTheWeightsAndOthersTheirArithmetic) {
    const CpuRate rate{2, 0.5};
    EXPECT_EQ(rate.ns({1, 10, 10, 1}), 200);
    EXPECT_EQ(rate.ns({5, 10, 10, 3}), 3 * 100 * (2 + 4 * 0.5));
}

TEST_F(CpuRatesTest, AFileIsReplacedAsAWholeAndLeavesNoDraft) {
    const std::string before = "old and longer", after = "new";
    for (const std::string& text : {before, after}) {
        const std::array pieces{std::as_bytes(std::span(text)), std::as_bytes(std::span(text))};
        ASSERT_TRUE(write_whole(path_, pieces));
        std::string read;
        std::getline(std::ifstream(path_), read);
        EXPECT_EQ(read, text + text);
    }
    EXPECT_EQ(std::distance(fs::directory_iterator(fs::path(path_).parent_path()), {}), 1);
}

}  // namespace
}  // namespace rosenblatt::ggml
