// SPDX-License-Identifier: MIT
// Baselines: what is read from llama-bench, what is kept, and what a difference is worth.
// llama-bench is a script here that prints what it is told.
#include "cli/baseline.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/baseline_record.hpp"
#include "cli/fleet.hpp"

namespace rosenblatt::cli {
namespace {

namespace fs = std::filesystem;

const std::string k_model = ROSENBLATT_SOURCE_DIR "/models/rosenblatt-kjv-f16.gguf";

std::string entry(int prompt, int generate, double rate, const char* backend, const char* gpu) {
    std::ostringstream out;
    out << R"({"build_commit":"v0.5.0","cpu_info":"Cortex-A76","gpu_info":")" << gpu
        << R"(","backends":")" << backend << R"(","n_threads":4,"n_prompt":)" << prompt
        << R"(,"n_gen":)" << generate << R"(,"avg_ts":)" << rate
        << R"(,"stddev_ts":0.5,"samples_ts":[1,2,3],"a_key_of_next_year":{}})";
    return out.str();
}

/// A folder for records, and a llama.cpp whose llama-bench prints `results` and notes its
/// arguments.
class Baseline : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "rosenblatt-baseline-XXXXXX").string();
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        work_ = pattern;
        fs::create_directories(work_ / "bin");
        options_.gguf = k_model;
        options_.host = "testhost";
        options_.records = work_;
        options_.llama = work_;
        options_.cpu = true;
        say("CPU", "", 30, 9);
    }
    void TearDown() override { fs::remove_all(work_); }

    void say(const char* backend, const char* gpu, double prefill, double decode) {
        const fs::path program = work_ / "bin/llama-bench";
        std::ofstream(program) << "#!/bin/sh\n[ \"$1\" = --list-devices ] && { echo '" << gpu
                               << "'; exit; }\necho \"$@\" >" << (work_ / "said").string()
                               << "\nnproc >>" << (work_ / "said").string() << "\necho '[ "
                               << entry(256, 0, prefill, backend, gpu) << ",\n"
                               << entry(0, 128, decode, backend, gpu) << " ]'\n";
        fs::permissions(program, fs::perms::owner_all);
    }

    int run() {
        out_.str("");
        err_.str("");
        return run_baseline(options_, out_, err_);
    }
    std::vector<fs::path> records() const {
        std::vector<fs::path> found;
        for (const auto& file : fs::directory_iterator(work_ / "benchmarks"))
            found.push_back(file.path());
        return found;
    }
    std::string arguments() const {
        std::ifstream file(work_ / "said");
        return {std::istreambuf_iterator<char>(file), {}};
    }

    fs::path work_;
    BaselineOptions options_;
    std::ostringstream out_, err_;
};

TEST_F(Baseline, IsWrittenWithItsFiguresAndNotedInTheFleet) {
    ASSERT_EQ(run(), 0) << err_.str();
    ASSERT_EQ(records().size(), 1u);
    const std::string name = records()[0].filename();
    EXPECT_TRUE(name.ends_with("_testhost_rosenblatt-kjv-f16_cpu_baseline.json")) << name;
    const auto json = nlohmann::ordered_json::parse(std::ifstream(records()[0]));
    EXPECT_EQ(json["prefill"]["tokens_per_second"], 30.0);
    EXPECT_EQ(json["decode"]["tokens"], 128);
    const auto manifest = read_manifest(work_ / "fleet/testhost.yaml");
    ASSERT_TRUE(manifest.ok()) << manifest.error().message;
    EXPECT_TRUE(check_manifest("testhost", *manifest).ok());
    EXPECT_EQ((*manifest)["baseline_measurement"]["file"], "benchmarks/" + name);
    EXPECT_EQ((*manifest)["baseline_measurement"]["decode_tokens_per_second"], 9);
}

TEST_F(Baseline, IsNeverOverwritten) {
    ASSERT_EQ(run(), 0) << err_.str();
    const auto before = fs::last_write_time(records()[0]);
    say("CPU", "", 99, 99);
    EXPECT_EQ(run(), 1);
    EXPECT_NE(err_.str().find("already there and is not overwritten"), std::string::npos);
    EXPECT_EQ(fs::last_write_time(records()[0]), before);
}

TEST_F(Baseline, OfAnEmulatedNpuIsKeptOutOfTheFleet) {
    const fs::path backend = work_ / "libggml-rocket.so";
    std::ofstream(backend).put('\n');
    options_.cpu = false;
    options_.backend = backend;
    say("ROCKET", "ROCKET0: RK3588 NPU (emulated)", 3, 9);
    ASSERT_EQ(run(), 0) << err_.str();
    EXPECT_TRUE(records()[0].string().ends_with("_npu_baseline.json"));
    EXPECT_FALSE(fs::exists(work_ / "fleet/testhost.yaml"));
    EXPECT_NE(out_.str().find("the NPU is emulated: nothing is noted"), std::string::npos);
}

TEST_F(Baseline, IsComparedWithTheOneBefore) {
    ASSERT_EQ(run(), 0) << err_.str();
    auto older = nlohmann::ordered_json::parse(std::ifstream(records()[0]));
    fs::remove(records()[0]);
    older["date"] = "2020-01-01";
    older["prefill"]["tokens_per_second"] = 20.0;
    std::ofstream(work_ / "benchmarks/2020-01-01_testhost_x_cpu_baseline.json") << older;
    ASSERT_EQ(run(), 0) << err_.str();
    // Noise: 2 * sqrt(0.5^2 + 0.5^2) = 1.414 tokens/s of 20 or 9.
    EXPECT_NE(out_.str().find(
                  "prefill 20.00 -> 30.00 tokens/s, +50.0 %: 42.9 % beyond the noise of 7.1 %"),
              std::string::npos)
        << out_.str();
    EXPECT_NE(out_.str().find("decode 9.00 -> 9.00 tokens/s, +0.0 %: within the noise of 15.7 %"),
              std::string::npos);
}

TEST_F(Baseline, IsCutToTheModelsContext) {
    ASSERT_EQ(run(), 0) << err_.str();
    EXPECT_NE(arguments().find("-p 256 -n 128 -r 3"), std::string::npos) << arguments();
    EXPECT_NE(err_.str().find("-p 256 -n 128 instead of -p 512 -n 128"), std::string::npos);
}

TEST_F(Baseline, IsPinnedToTheBigCores) {
    const std::pair<int, int> capacities[] = {{0, 1024}, {1, 414}};
    for (const auto& [cpu, capacity] : capacities) {
        const fs::path folder = work_ / "sys/devices/system/cpu" / ("cpu" + std::to_string(cpu));
        fs::create_directories(folder);
        std::ofstream(folder / "cpu_capacity") << capacity << '\n';
    }
    options_.root = work_;
    ASSERT_EQ(run(), 0) << err_.str();
    const auto json = nlohmann::ordered_json::parse(std::ifstream(records()[0]));
    if (json["cores"] == "") GTEST_SKIP() << "this process may not run on CPU 0";
    EXPECT_EQ(json["cores"], "0");
    EXPECT_NE(arguments().find("-t 1\n1\n"), std::string::npos) << arguments();
}

TEST_F(Baseline, SaysWhatIsMissing) {
    fs::remove(work_ / "bin/llama-bench");
    EXPECT_EQ(run(), 1);
    EXPECT_NE(err_.str().find("llama-bench is no program"), std::string::npos) << err_.str();
    options_.host = "../x";
    EXPECT_EQ(run(), 2);
}

TEST(LlamaBench, IsReadAsLinesWithTextForNumbersAndNoiseAround) {
    const auto record = read_llama_bench(
        "loading...\n{\"n_prompt\":\"512\",\"n_gen\":\"0\",\"avg_ts\":\"12.5\"}\nbye\n");
    ASSERT_TRUE(record.ok()) << record.error().message;
    EXPECT_EQ(record->prefill->tokens, 512);
    EXPECT_EQ(record->prefill->per_second, 12.5);
    EXPECT_FALSE(record->decode);
}

TEST(LlamaBench, WithoutAResultIsAnError) {
    EXPECT_FALSE(read_llama_bench("").ok());
    EXPECT_FALSE(read_llama_bench("[]").ok());
    EXPECT_FALSE(read_llama_bench("[{\"n_prompt\":512,\"n_gen\":0}]").ok());
}

}  // namespace
}  // namespace rosenblatt::cli
