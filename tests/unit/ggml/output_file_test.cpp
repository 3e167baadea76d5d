// SPDX-License-Identifier: MIT
#include "ggml/output_file.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>

namespace rosenblatt::ggml {
namespace {

/// What is said when `text` is written to `path`.
std::string said(const std::string& path, const std::string& text = "{}") {
    testing::internal::CaptureStderr();
    write_output(path, "GGML_ROCKET_STATS", [&text] { return text; });
    return testing::internal::GetCapturedStderr();
}

TEST(OutputFile, TheProcessIdStandsForEveryPercentP) {
    const std::string pid = std::to_string(getpid());
    EXPECT_EQ(with_pid("a.json"), "a.json");
    EXPECT_EQ(with_pid("%p/stats-%p.json"), pid + "/stats-" + pid + ".json");
}

TEST(OutputFile, HoldsTheTextAndNothingOfALongerOneBefore) {
    const std::string pattern = testing::TempDir() + "output-%p.json";
    EXPECT_EQ(said(pattern, std::string(100'000, 'x')), "");
    EXPECT_EQ(said(pattern, "short"), "");
    const std::string path = with_pid(pattern);
    std::ifstream file(path);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "short");
    std::remove(path.c_str());
}

TEST(OutputFile, AFailureIsToldWithItsReason) {
    EXPECT_EQ(said("/nonexistent/stats.json"),
              "rocket: GGML_ROCKET_STATS: /nonexistent/stats.json cannot be written: No such file "
              "or directory.\n");
    EXPECT_EQ(said("/"), "rocket: GGML_ROCKET_STATS: / cannot be written: Is a directory.\n");
    EXPECT_EQ(said("/dev/full"), "rocket: GGML_ROCKET_STATS: /dev/full cannot be written: No space "
                                 "left on device.\n");
}

TEST(OutputFile, NothingIsMadeWhereNothingWasAskedFor) {
    write_output("", "GGML_ROCKET_STATS", []() -> std::string {
        ADD_FAILURE() << "the text was made";
        return {};
    });
}

}  // namespace
}  // namespace rosenblatt::ggml
