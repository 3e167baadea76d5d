// SPDX-License-Identifier: MIT
// Golden files.
#include "support/golden.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace rosenblatt::test {
namespace {

/// "line N: golden '...', now '...'" of the first difference.
std::string first_difference(const std::string& golden, const std::string& now) {
    std::istringstream golden_lines(golden), now_lines(now);
    for (int line = 1;; ++line) {
        std::string a, b;
        const bool has_a = bool(std::getline(golden_lines, a)),
                   has_b = bool(std::getline(now_lines, b));
        if (a != b || has_a != has_b || (!has_a && !has_b))
            return "line " + std::to_string(line) + ": golden '" + a + "', now '" + b + "'";
    }
}

}  // namespace

void expect_golden(const std::string& name, const std::string& text) {
    const std::filesystem::path path =
        std::filesystem::path(ROSENBLATT_SOURCE_DIR "/tests/golden") / name;
    if (std::getenv("ROSENBLATT_UPDATE_GOLDEN") != nullptr) {
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary) << text;
        return;
    }
    std::ifstream file(path, std::ios::binary);
    const std::string golden{std::istreambuf_iterator<char>(file), {}};
    if (golden != text)
        ADD_FAILURE() << path << ": " << first_difference(golden, text)
                      << "\nif the change is meant, run scripts/rebaseline.sh and review the diff";
}

}  // namespace rosenblatt::test
