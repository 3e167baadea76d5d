// SPDX-License-Identifier: MIT
// Whatever is wrong around us costs one clear sentence, never the text.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "llama_tool.hpp"

namespace rosenblatt::host {
namespace {

namespace fs = std::filesystem;

LlamaTool short_completion() {
    return completion().with({"-n", "4"}).env("GGML_ROCKET_MIN_M", "1");
}

// Text came out, and stderr holds each of these once.
void expect_text_and(const Outcome& outcome, const std::vector<std::string>& sentences) {
    ASSERT_EQ(outcome.exit_code, 0) << outcome.transcript();
    EXPECT_NE(outcome.out.find("And the LORD said"), std::string::npos) << outcome.transcript();
    for (const auto& sentence : sentences) {
        const size_t first = outcome.err.find(sentence);
        ASSERT_NE(first, std::string::npos) << sentence << "\n" << outcome.transcript();
        EXPECT_EQ(outcome.err.find(sentence, first + 1), std::string::npos)
            << "said twice: " << sentence << "\n"
            << outcome.transcript();
    }
}

TEST(BadInput, UnknownValuesOfVariablesAreNamedAndTheDefaultsUsed) {
    const auto outcome = short_completion()
                             .env("GGML_ROCKET_PIPELINE", "w3a3")
                             .env("GGML_ROCKET_LANES", "many")
                             .env("GGML_ROCKET_FAULT", "meteor:job=1")
                             .run();
    expect_text_and(outcome, {"GGML_ROCKET_PIPELINE=w3a3", "GGML_ROCKET_LANES=many", "meteor"});
    EXPECT_GT(outcome.npu_matmuls(), 0);
}

TEST(BadInput, ANodeOfAnotherDriverIsNamed) {
    const auto outcome = short_completion().env("GGML_ROCKET_DEVICE", "/dev/null").run();
    expect_text_and(outcome, {"/dev/null"});
    EXPECT_EQ(outcome.npu_matmuls(), 0);
}

TEST(BadInput, ANodeThatDoesNotExistIsNamed) {
    const auto outcome = short_completion().env("GGML_ROCKET_DEVICE", "/dev/accel/accel77").run();
    expect_text_and(outcome, {"/dev/accel/accel77"});
}

TEST(BadInput, AMachineWithoutAnNpuIsToldSoWhenAModelIsLoaded) {
    if (fs::exists("/dev/accel")) GTEST_SKIP() << "this machine has /dev/accel";
    expect_text_and(short_completion().env("GGML_ROCKET_DEVICE", "auto").run(), {"No NPU found"});
    const auto list = LlamaTool("llama-cli", {"--list-devices"}).env("GGML_ROCKET_DEVICE", "auto");
    EXPECT_EQ(list.run().err.find("No NPU found"), std::string::npos);
}

TEST(BadInput, WithoutMemoryForTilesTheWeightsStayOnTheCpu) {
    const auto outcome = short_completion().env("GGML_ROCKET_MEM_MAX", "64K").run();
    expect_text_and(outcome, {"weights stay on the CPU"});
    EXPECT_GT(outcome.stats["mul_mat"]["cpu_refused"]["no_memory"].get<int>(), 0);
}

TEST(BadInput, WhenTheLanesAddressSpaceIsUsedUpTheRestStaysOnTheCpu) {
    std::string faults;  // every BO from the 30th on
    for (int bo = 30; bo < 400; ++bo) faults += "enospc:bo=" + std::to_string(bo) + ";";
    faults.pop_back();
    const auto outcome = short_completion().env("GGML_ROCKET_FAULT", faults).run();
    expect_text_and(outcome, {"stay on the CPU"});
    EXPECT_GT(outcome.npu_matmuls(), 0);
    EXPECT_GT(outcome.stats["mul_mat"]["cpu_refused"]["no_memory"].get<int>(), 0);
}

TEST(BadInput, AListOfFaultsThatCannotBeReadInjectsNone) {
    const auto outcome = short_completion().env("GGML_ROCKET_FAULT", "hang:job=soon").run();
    expect_text_and(outcome, {"GGML_ROCKET_FAULT"});
    EXPECT_EQ(outcome.stats["checksum"]["mismatch"], 0);
}

TEST(BadInput, ATraceThatCannotBeWrittenIsSaid) {
    const auto outcome =
        short_completion().env("GGML_ROCKET_TRACE", "/nonexistent/trace.json").run();
    expect_text_and(outcome, {"/nonexistent/trace.json"});
}

// A copy of the bundled model that the test spoils.
class SpoiledModel {
  public:
    SpoiledModel()
        : path_(fs::path(testing::TempDir()) / ("spoiled-" + std::to_string(getpid()) + ".gguf")) {
        fs::copy_file(ROSENBLATT_SOURCE_DIR "/models/rosenblatt-kjv-f16.gguf", path_,
                      fs::copy_options::overwrite_existing);
    }
    ~SpoiledModel() { fs::remove(path_); }

    void truncate_to(double part) {
        fs::resize_file(path_,
                        static_cast<uintmax_t>(static_cast<double>(fs::file_size(path_)) * part));
    }
    // F16 NaNs over 4 KiB; three quarters into the file are matrices.
    void poison() {
        std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
        file.seekp(static_cast<std::streamoff>(fs::file_size(path_) * 3 / 4 / 2 * 2));
        for (int i = 0; i < 2048; ++i) file.write("\xff\x7f", 2);
    }
    LlamaTool completion() const { return short_completion().with({"-m", path_.string()}); }

  private:
    fs::path path_;
};

TEST(BadInput, AModelWithNanWeightsDoesWhatItDoesWithoutUs) {
    SpoiledModel model;
    model.poison();
    const auto with = model.completion().run();
    const auto without = model.completion().with({"-dev", "none"}).run();
    EXPECT_EQ(with.exit_code, without.exit_code) << with.transcript();
    EXPECT_EQ(with.out, without.out);
    EXPECT_GT(with.stats["mul_mat"]["cpu_refused"]["weight_values"].get<int>(), 0)
        << with.transcript();
}

TEST(BadInput, ATruncatedModelIsLlamaCppsErrorNotOurCrash) {
    SpoiledModel model;
    model.truncate_to(0.6);
    const auto outcome = model.completion().run();
    EXPECT_GT(outcome.exit_code, 0) << outcome.transcript();
    EXPECT_LT(outcome.exit_code, 128) << outcome.transcript();
}

}  // namespace
}  // namespace rosenblatt::host
