// SPDX-License-Identifier: MIT
// `rosenblatt replay` on Mesa's recordings, on jobs our own engine captured, and on folders that
// somebody made to break it.
#include "cli/replay.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/lint.hpp"
#include "matmul/engine.hpp"
#include "rocket/capture.hpp"

namespace rosenblatt::cli {
namespace {

namespace fs = std::filesystem;

const fs::path k_vectors = fs::path(ROSENBLATT_SOURCE_DIR) / "tests/data/mesa-conv";
const fs::path k_small = k_vectors / "conv_8x8x32_k1_oc32_s1_valid";

std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

void flip(const fs::path& path, size_t index) {
    std::string bytes = content(path);
    ASSERT_LT(index, bytes.size()) << path;
    bytes[index] = static_cast<char>(bytes[index] ^ 0x80);
    write(path, bytes);
}

struct Ran {
    int code = 0;
    std::string out, err;
};

Ran run(const ReplayOptions& options) {
    std::ostringstream out, err;
    const int code = run_replay(options, out, err);
    return {code, out.str(), err.str()};
}

Ran replay(const fs::path& folder) {
    ReplayOptions options;
    options.folder = folder.string();
    return run(options);
}

class Folder : public testing::Test {
  protected:
    Folder() {
        std::string pattern = testing::TempDir() + "rosenblatt-replay-XXXXXX";
        path = ::mkdtemp(pattern.data());
    }
    ~Folder() override { fs::remove_all(path); }

    /// A writable copy of a recording.
    fs::path copy(const fs::path& from) {
        const fs::path to = path / "copy";
        fs::create_directory(to);
        for (const auto& entry : fs::directory_iterator(from))
            write(to / entry.path().filename(), content(entry.path()));
        return to;
    }
    /// The small recording with its manifest changed.
    Ran with_manifest(const std::function<void(nlohmann::json&)>& change) {
        const fs::path to = copy(k_small);
        auto manifest = nlohmann::json::parse(content(k_small / "manifest.json"));
        change(manifest);
        write(to / "manifest.json", manifest.dump());
        return replay(to);
    }
    fs::path path;
};

std::vector<std::string> vector_names() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(k_vectors))
        names.push_back(entry.path().filename().string());
    return names;
}

class Recording : public Folder, public testing::WithParamInterface<std::string> {};

TEST_P(Recording, IsEqualStrictlyToo) {
    ReplayOptions options;
    options.folder = (k_vectors / GetParam()).string();
    options.strict = options.json = true;
    const Ran ran = run(options);
    EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
    const auto report = nlohmann::json::parse(ran.out);
    EXPECT_EQ(report["equal"], true);
    const auto& comparison = report["comparisons"][0];
    EXPECT_EQ(comparison["compared"], fs::file_size(k_vectors / GetParam() / "output_cpu0.bin"));
    EXPECT_LE(comparison["max_difference"], 1);
    EXPECT_GE(comparison["exact"].get<double>(), 0.91 * comparison["compared"].get<double>());
}

TEST_P(Recording, DiffersWhenAnExpectedByteChanges) {
    const fs::path folder = copy(k_vectors / GetParam());
    flip(folder / "output_cpu0.bin", fs::file_size(folder / "output_cpu0.bin") / 2);
    EXPECT_EQ(replay(folder).code, 1);
}

TEST_P(Recording, DiffersWhenAWeightChanges) {
    const fs::path folder = copy(k_vectors / GetParam());
    for (const auto& entry : fs::directory_iterator(folder))
        if (entry.path().filename().string().starts_with("s0-bo001")) flip(entry.path(), 0);
    EXPECT_EQ(replay(folder).code, 1);
}

TEST_P(Recording, HasNothingForLint) {
    LintOptions options;
    options.file = (k_vectors / GetParam()).string();
    std::ostringstream out, err;
    EXPECT_EQ(run_lint(options, out, err), 0) << out.str() << err.str();
}

INSTANTIATE_TEST_SUITE_P(Mesa, Recording, testing::ValuesIn(vector_names()), [](const auto& name) {
    std::string text = name.param;
    std::ranges::replace(text, '-', '_');
    return text;
});

/// Jobs of our engine, captured while it works.
class Captured : public Folder {
  protected:
    void SetUp() override {
        matmul::DeviceOptions options;
        options.capture = *rocket::Capture::open((path / "captured").string());
        matmul::Engine engine(options);
        const matmul::Problem problem(40, 320, 96, 7);
        const auto result = matmul::run(engine, problem, Pipeline::W8A8H);
        ASSERT_EQ(matmul::differing(result, problem.truth(Pipeline::W8A8H)), 0u);
        for (const auto& entry : fs::directory_iterator(path / "captured")) jobs.push_back(entry);
        ASSERT_FALSE(jobs.empty());
    }
    std::vector<fs::path> jobs;
};

int another_process(const fs::path& folder) {
    const std::string command =
        std::string(ROSENBLATT_PROGRAM) + " replay '" + folder.string() + "' > /dev/null 2>&1";
    return WEXITSTATUS(std::system(command.c_str()));
}

TEST_F(Captured, JobsAreReplayedBitEqualByAnotherProcess) {
    for (const fs::path& job : jobs) EXPECT_EQ(another_process(job), 0) << replay(job).out;
}

TEST_F(Captured, AnyWrongBitShows) {
    for (const fs::path& job : jobs)
        for (const auto& entry : fs::directory_iterator(job))
            if (entry.path().filename().string().starts_with("expect-")) flip(entry.path(), 0);
    for (const fs::path& job : jobs) EXPECT_EQ(another_process(job), 1);
}

TEST_F(Folder, ExpectationAndLayoutCanBeGiven) {
    ReplayOptions options;
    options.folder = k_small.string();
    options.expectation.expect = (k_small / "output_cpu0.bin").string();
    options.expectation.layout = "nhwc-u8";
    options.expectation.shape = "8,8,32";
    EXPECT_EQ(run(options).code, 0);
    options.expectation.tolerance = 0;
    EXPECT_EQ(run(options).code, 1) << "2045 of 2048 are exact";
    options.expectation.layout = "raw";
    options.expectation.tolerance.reset();
    EXPECT_EQ(run(options).code, 1);
    options.expectation.layout = "nchw";
    EXPECT_EQ(run(options).code, 2);
    options.expectation.layout = "nhwc-u8";
    options.expectation.shape = "8,8";
    EXPECT_EQ(run(options).code, 2);
}

TEST_F(Folder, NothingToCompareIsAFailure) {
    const fs::path folder = copy(k_small);
    fs::remove(folder / "output_cpu0.bin");
    const Ran ran = replay(folder);
    EXPECT_EQ(ran.code, 1);
    EXPECT_NE(ran.err.find("nothing to compare"), std::string::npos);
}

TEST_F(Folder, AWrongSwitchListsThem) {
    ReplayOptions options;
    options.folder = k_small.string();
    options.switches = {"nope=on"};
    const Ran ran = run(options);
    EXPECT_EQ(ran.code, 2);
    EXPECT_NE(ran.err.find("out-cvt-rounding"), std::string::npos);
}

TEST_F(Folder, ATraceSpeaksAsTheDisassembler) {
    ReplayOptions options;
    options.folder = k_small.string();
    options.trace = true;
    const Ran ran = run(options);
    EXPECT_EQ(ran.code, 0);
    EXPECT_NE(ran.out.find("CNA.DATA_SIZE0             datain_height=8 datain_width=8"),
              std::string::npos);
}

TEST_F(Folder, AStreamOutsideTheBuffersFaults) {
    const Ran ran = with_manifest(
        [](auto& m) { m["submits"][0]["jobs"][0]["tasks"][0]["regcmd"] = 0x70000000; });
    EXPECT_EQ(ran.code, 1);
    EXPECT_NE(ran.err.find("read-unmapped"), std::string::npos) << ran.err;
}

TEST_F(Folder, WithoutAManifestIsNoReplayFolder) {
    EXPECT_EQ(replay(path).code, 2);
    EXPECT_EQ(replay("/nonexistent").code, 2);
    write(path / "manifest.json", "{\"bos\": [");
    EXPECT_EQ(replay(path).code, 2);
}

TEST_F(Folder, MaliciousManifestsAreRefusedInASentence) {
    using Change = std::function<void(nlohmann::json&)>;
    const std::vector<std::pair<const char*, Change>> cases = {
        {"file in the folder", [](auto& m) { m["bos"][0]["file"] = "../../etc/passwd"; }},
        {"file in the folder", [](auto& m) { m["bos"][0]["file"] = "/etc/passwd"; }},
        {"file in the folder", [](auto& m) { m["bos"][0]["file"] = ".."; }},
        {"file in the folder", [](auto& m) { m["bos"][0]["file"] = std::string("a\0b", 3); }},
        {"No such file", [](auto& m) { m["bos"][0]["file"] = "missing.bin"; }},
        {"\"size\" is 18446744073709551615", [](auto& m) { m["bos"][0]["size"] = UINT64_MAX; }},
        {"\"size\"", [](auto& m) { m["bos"][0]["size"] = -1; }},
        {"\"size\"", [](auto& m) { m["bos"][0]["size"] = 1e30; }},
        {"no bytes", [](auto& m) { m["bos"][0]["size"] = 0; }},
        {"has 2048 bytes; at most 2047", [](auto& m) { m["bos"][0]["size"] = 2047; }},
        {"has 128 bytes, but BO 2 has 129", [](auto& m) { m["bos"][1]["size"] = 129; }},
        {"overlap", [](auto& m) { m["bos"][1]["dma"] = m["bos"][0]["dma"]; }},
        {"\"dma\" is 4294967296", [](auto& m) { m["bos"][0]["dma"] = uint64_t{1} << 32; }},
        {"listed twice", [](auto& m) { m["bos"][1]["handle"] = 1; }},
        {"\"bos\" is missing", [](auto& m) { m.erase("bos"); }},
        {"no object", [](auto& m) { m["bos"][0] = 7; }},
        {"no task", [](auto& m) { m["submits"] = nlohmann::json::array(); }},
        {"\"jobs\" is looked for", [](auto& m) { m["submits"][0] = "x"; }},
        {"no BO's handle", [](auto& m) { m["submits"][0]["jobs"][0]["out"] = {4711}; }},
        {"\"count\"", [](auto& m) { m["submits"][0]["jobs"][0]["tasks"][0]["count"] = "130"; }},
        {"more than 16777216 words",
         [](auto& m) { m["submits"][0]["jobs"][0]["tasks"][0]["count"] = UINT32_MAX; }},
        {"more than 65536 tasks",
         [](auto& m) {
             auto& tasks = m["submits"][0]["jobs"][0]["tasks"];
             const nlohmann::json task = tasks[0];
             for (int i = 0; i < 65536; ++i) tasks.push_back(task);
         }},
    };
    for (const auto& [wanted, change] : cases) {
        const Ran ran = with_manifest(change);
        EXPECT_EQ(ran.code, 2) << wanted;
        EXPECT_NE(ran.err.find(wanted), std::string::npos) << wanted << " not in: " << ran.err;
        EXPECT_EQ(ran.out, "");
    }
}

TEST_F(Folder, ALinkOutOfTheFolderIsNotFollowed) {
    const fs::path folder = copy(k_small);
    const fs::path bo = folder / "s0-bo001-01000000.bin";
    ASSERT_TRUE(fs::exists(bo));
    fs::rename(bo, path / "elsewhere.bin");
    fs::create_symlink(path / "elsewhere.bin", bo);
    EXPECT_EQ(replay(folder).code, 2);
}

}  // namespace
}  // namespace rosenblatt::cli
