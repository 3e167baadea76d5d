// SPDX-License-Identifier: MIT
// The held-out text is as likely with the matmuls on the NPU as without.
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <regex>

#include "llama_tool.hpp"

namespace rosenblatt::host {
namespace {

struct Measured {
    Outcome outcome;
    double perplexity = 0;
};

std::optional<Measured> measure(const LlamaTool& tool) {
    static const std::regex estimate("Final estimate: PPL = ([0-9.]+)");
    Measured measured{tool.run(), 0};
    std::smatch found;
    const std::string text = measured.outcome.out + measured.outcome.err;
    if (measured.outcome.exit_code != 0 || !std::regex_search(text, found, estimate)) {
        ADD_FAILURE() << measured.outcome.transcript();
        return std::nullopt;
    }
    measured.perplexity = std::stod(found[1]);
    return measured;
}

TEST(Perplexity, DiffersByLessThanOnePercentWithNearlyAllWorkOnTheNpu) {
    constexpr int k_chunks = 4;
    const auto npu = measure(perplexity(k_chunks).env("GGML_ROCKET_MIN_M", "1"));
    const auto cpu = measure(perplexity(k_chunks).with({"-dev", "none"}));
    ASSERT_TRUE(npu && cpu);
    EXPECT_LT(std::abs(npu->perplexity / cpu->perplexity - 1), 0.01)
        << npu->perplexity << " with the NPU, " << cpu->perplexity << " without";
    EXPECT_EQ(cpu->outcome.npu_matmuls(), 0);

    const auto& stats = npu->outcome.stats;
    EXPECT_GE(stats["macs"].get<double>(), 0.99 * stats["macs_eligible"].get<double>())
        << stats.dump(2);
    // 4 layers of 720,896 weights and the tied head of 262,144, for every token of every chunk.
    EXPECT_GE(stats["macs"].get<double>(), 0.99 * k_chunks * 256 * (4 * 720896.0));
    EXPECT_EQ(stats["checksum"]["mismatch"], 0);
}

}  // namespace
}  // namespace rosenblatt::host
