// SPDX-License-Identifier: MIT
// Stock llama.cpp writes text with its matmuls on the emulated NPU.
#include <gtest/gtest.h>

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

TEST(Generation, FlashAttentionStaysOn) {
    const auto outcome = completion().with({"-lv", "5"}).env("GGML_ROCKET_MIN_M", "1").run();
    ASSERT_EQ(outcome.exit_code, 0) << outcome.transcript();
    EXPECT_NE(outcome.err.find("Flash Attention enabled"), std::string::npos)
        << outcome.transcript();
    EXPECT_NE(outcome.err.find("assigned to device ROCKET0"), std::string::npos)
        << outcome.transcript();
}

TEST(Generation, EveryJobIsCapturedOnRequest) {
    const fs::path folder = fs::path(testing::TempDir()) / "rosenblatt-capture";
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

TEST(Generation, LlamaCppsPlacementFlagsWorkAsWithAnyGpu) {
    const std::vector<std::vector<std::string>> cases{
        {"-ctv", "q8_0"}, {"--load-mode", "none"}, {"--load-mode", "mmap"},
        {"-fit", "on"},   {"-fit", "off"},         {"-ngl", "0"},
        {"-ngl", "2"},    {"-fa", "off"},          {"-ot", "ffn_.*=CPU"},
    };
    for (const auto& flags : cases) {
        SCOPED_TRACE(joined(flags));
        const auto outcome =
            completion().with(flags).with({"-n", "4"}).env("GGML_ROCKET_MIN_M", "1").run();
        ASSERT_EQ(outcome.exit_code, 0) << outcome.transcript();
    }
}

}  // namespace
}  // namespace rosenblatt::host
