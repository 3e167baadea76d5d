// SPDX-License-Identifier: MIT
// Whatever goes wrong below the driver, stock llama.cpp writes the same text: faults, a device that
// goes away, no addresses, a fork of the process.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "llama_tool.hpp"

namespace rosenblatt::host {
namespace {

LlamaTool short_completion() {
    return completion().with({"-n", "6"}).env("GGML_ROCKET_MIN_M", "1");
}

/// Lines of ours about something that went wrong.
std::vector<std::string> complaints(const Outcome& outcome) {
    std::vector<std::string> lines;
    std::istringstream text(outcome.err);
    for (std::string line; std::getline(text, line);) {
        const bool ours = line.find("rocket: ") != std::string::npos;
        const bool ordinary = line.find("weights run as int") != std::string::npos ||
                              line.find("packing") != std::string::npos;
        if (ours && !ordinary) lines.push_back(line);
    }
    return lines;
}

struct Fault {
    const char* list;
    bool seen_in_tiles;  ///< slow jobs and a single refused buffer leave no wrong tile
    size_t lines;        ///< one for each fault that people have to know of
};

class Recovery : public testing::TestWithParam<Fault> {};

TEST_P(Recovery, TheTextIsTheSameAndOneLineSaysWhatHappened) {
    const auto clean = short_completion().run();
    ASSERT_EQ(clean.exit_code, 0) << clean.transcript();
    ASSERT_EQ(complaints(clean), std::vector<std::string>{}) << clean.transcript();

    const auto outcome = short_completion().env("GGML_ROCKET_FAULT", GetParam().list).run();
    ASSERT_EQ(outcome.exit_code, 0) << outcome.transcript();
    EXPECT_EQ(outcome.out, clean.out);
    EXPECT_EQ(complaints(outcome).size(), GetParam().lines) << outcome.transcript();
    const auto& tiles = outcome.stats["checksum"];
    EXPECT_EQ(tiles["mismatch"].get<long>() > 0, GetParam().seen_in_tiles) << tiles;
    if (GetParam().seen_in_tiles) {
        EXPECT_GT(tiles["retried"].get<long>() + tiles["cpu_fallback"].get<long>(), 0) << tiles;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, Recovery,
    testing::Values(Fault{"hang:job=30", true, 1}, Fault{"drop:job=31", true, 1},
                    Fault{"flip:job=32,bit=77", true, 1}, Fault{"partial:job=33", true, 1},
                    Fault{"swap:job=34", true, 1}, Fault{"stale:job=35", true, 1},
                    Fault{"iommu:job=36,lane=2", true, 1}, Fault{"slow:x=3", false, 0},
                    Fault{"lost:job=40", true, 1}, Fault{"enospc:bo=50", false, 0},
                    Fault{"flip:job=20,bit=1;hang:job=50,lane=1;lost:job=90", true, 2}),
    [](const auto& fault) {
        std::string name = fault.param.list;
        std::replace_if(
            name.begin(), name.end(),
            [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
        return name;
    });

}  // namespace
}  // namespace rosenblatt::host
