// SPDX-License-Identifier: MIT
// Stock llama.cpp writes text with its matmuls on the emulated NPU.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "llama_tool.hpp"

namespace rosenblatt::host {
namespace {

namespace fs = std::filesystem;

TEST(ListDevices, TheEmulatedNpuIsShown) {
    const auto outcome = LlamaTool("llama-cli", {"--list-devices"}).run();
    EXPECT_EQ(outcome.exit_code, 0) << outcome.transcript();
    EXPECT_NE(outcome.out.find("ROCKET0"), std::string::npos) << outcome.transcript();
}

TEST(ListDevices, WithoutANodeOfTheKernelThereIsNoDevice) {
    if (fs::exists("/dev/accel")) GTEST_SKIP() << "this machine has /dev/accel";
    const auto outcome =
        LlamaTool("llama-cli", {"--list-devices"}).env("GGML_ROCKET_DEVICE", "auto").run();
    EXPECT_EQ(outcome.exit_code, 0) << outcome.transcript();
    EXPECT_EQ(outcome.out.find("ROCKET0"), std::string::npos) << outcome.transcript();
}

TEST(Generation, TextIsWrittenWithItsMatmulsOnTheNpu) {
    const auto outcome = completion().env("GGML_ROCKET_MIN_M", "1").run();
    ASSERT_EQ(outcome.exit_code, 0) << outcome.transcript();
    EXPECT_NE(outcome.out.find("And the LORD said"), std::string::npos);
    EXPECT_GT(outcome.out.size(), 80u) << outcome.transcript();
    EXPECT_GT(outcome.npu_matmuls(), 700) << outcome.transcript();
    EXPECT_GT(outcome.stats["checksum"]["checked"].get<long>(), 700);
    EXPECT_EQ(outcome.stats["checksum"]["mismatch"], 0);
    EXPECT_EQ(outcome.stats["checksum"]["cpu_fallback"], 0);
    EXPECT_GT(outcome.stats["npu_ms_modelled"].get<double>(), 0);
}

TEST(Generation, DevNoneKeepsEverythingOffTheNpu) {
    const auto outcome = completion().with({"-dev", "none"}).env("GGML_ROCKET_MIN_M", "1").run();
    ASSERT_EQ(outcome.exit_code, 0) << outcome.transcript();
    EXPECT_GT(outcome.out.size(), 80u) << outcome.transcript();
    EXPECT_EQ(outcome.npu_matmuls(), 0) << outcome.transcript();
}

// As with any GPU, each layer's attention runs where llama.cpp placed the layer.
TEST(Generation, FlashAttentionStaysOnWhereverTheLayersAre) {
    const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
        {{}, "ROCKET0"}, {{"-ngl", "0"}, "CPU"}, {{"-ngl", "2"}, "ROCKET0"},
        {{"-ot", "ffn_.*=CPU"}, "ROCKET0"}};
    for (const auto& [arguments, device] : cases) {
        SCOPED_TRACE(arguments.empty() ? "no flags" : arguments.back());
        const auto outcome = completion()
                                 .with({"-lv", "5", "-n", "4"})
                                 .with(arguments)
                                 .env("GGML_ROCKET_MIN_M", "1")
                                 .run();
        ASSERT_EQ(outcome.exit_code, 0) << outcome.transcript();
        EXPECT_NE(outcome.err.find("Flash Attention enabled"), std::string::npos)
            << outcome.transcript();
        EXPECT_NE(outcome.err.find("assigned to device " + device), std::string::npos)
            << outcome.transcript();
    }
}

TEST(Generation, EveryJobIsCapturedOnRequest) {
    const fs::path folder = fs::path(testing::TempDir()) / ("rosenblatt-capture-" + std::to_string(getpid()));
    fs::remove_all(folder);
    const auto outcome = completion()
                             .with({"-n", "1"})
                             .env("GGML_ROCKET_MIN_M", "1")
                             .env("GGML_ROCKET_CAPTURE", folder.string())
                             .run();
    ASSERT_EQ(outcome.exit_code, 0) << outcome.transcript();
    const auto jobs = std::distance(fs::directory_iterator(folder), fs::directory_iterator());
    EXPECT_EQ(jobs, outcome.stats["jobs"].get<long>());
    EXPECT_TRUE(fs::exists(folder / "job-000001" / "manifest.json"));
    fs::remove_all(folder);
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

struct Placement {
    std::vector<std::string> arguments;
    bool weights_are_ours;  ///< with -ngl 0 they lie in CPU buffers, so nothing runs on the NPU
};

TEST(Generation, LlamaCppsPlacementFlagsWorkAsWithAnyGpu) {
    const std::vector<Placement> cases{
        {{"-ctv", "q8_0"}, true}, {{"--load-mode", "none"}, true}, {{"--load-mode", "mmap"}, true},
        {{"-fit", "on"}, true},   {{"-fit", "off"}, true},         {{"-ngl", "0"}, false},
        {{"-ngl", "2"}, true},    {{"-fa", "off"}, true},          {{"-ot", "ffn_.*=CPU"}, true},
    };
    for (const auto& [arguments, weights_are_ours] : cases) {
        SCOPED_TRACE(joined(arguments));
        const auto outcome =
            completion().with(arguments).with({"-n", "4"}).env("GGML_ROCKET_MIN_M", "1").run();
        ASSERT_EQ(outcome.exit_code, 0) << outcome.transcript();
        EXPECT_EQ(outcome.npu_matmuls() > 0, weights_are_ours) << outcome.transcript();
    }
}

TEST(Generation, TheTextDoesNotDependOnTheNumberOfLanes) {
    const auto three = completion().env("GGML_ROCKET_MIN_M", "1").run();
    const auto one = completion().env("GGML_ROCKET_MIN_M", "1").env("GGML_ROCKET_LANES", "1").run();
    EXPECT_GT(three.npu_matmuls(), 700) << three.transcript();
    EXPECT_GT(one.npu_matmuls(), 700) << one.transcript();
    EXPECT_EQ(three.out, one.out);
}

}  // namespace
}  // namespace rosenblatt::host
