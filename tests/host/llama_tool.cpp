// SPDX-License-Identifier: MIT
// Starts a llama.cpp program as a child process and collects its streams and its stats file.
#include "llama_tool.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

extern char** environ;

namespace rosenblatt::host {
namespace {

namespace fs = std::filesystem;

// A folder of this run's own, gone afterwards.
class Scratch {
  public:
    Scratch() {
        std::string name = (fs::temp_directory_path() / "rosenblatt-host-XXXXXX").string();
        if (!mkdtemp(name.data())) throw std::runtime_error("no temporary folder " + name);
        path_ = name;
    }
    ~Scratch() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    fs::path file(const char* name) const { return path_ / name; }

  private:
    fs::path path_;
};

std::string read_file(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::map<std::string, std::string> clean_environment() {
    std::map<std::string, std::string> environment;
    for (char** entry = environ; *entry; ++entry) {
        const std::string_view text(*entry);
        const size_t equals = text.find('=');
        if (equals == text.npos || text.starts_with("GGML_") || text.starts_with("LLAMA_"))
            continue;
        environment.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    environment["GGML_BACKEND_PATH"] = ROSENBLATT_BACKEND;
    environment["GGML_ROCKET_DEVICE"] = "emulator";
    environment["GGML_ROCKET_CACHE"] = "off";
    // Threads that spin while they wait ruin a machine that has other work (reference runs: 40
    // times slower).
    environment["OMP_WAIT_POLICY"] = "PASSIVE";
    environment["GOMP_SPINCOUNT"] = "0";
    return environment;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> list;
    for (auto& text : texts) list.push_back(text.data());
    list.push_back(nullptr);
    return list;
}

int spawn_and_wait(const std::string& program, std::vector<std::string> arguments,
                   const std::map<std::string, std::string>& environment, const Scratch& scratch) {
    arguments.insert(arguments.begin(), program);
    std::vector<std::string> variables;
    for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    const int write_new = O_WRONLY | O_CREAT | O_TRUNC;
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, scratch.file("out").c_str(), write_new, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, scratch.file("err").c_str(), write_new, 0600);
    pid_t child = -1;
    const int error = posix_spawn(&child, program.c_str(), &actions, nullptr,
                                  pointers(arguments).data(), pointers(variables).data());
    posix_spawn_file_actions_destroy(&actions);
    if (error) throw std::runtime_error("cannot start " + program);

    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

long Outcome::npu_matmuls() const {
    return stats.is_null() ? 0 : stats.at("mul_mat").at("npu").get<long>();
}

std::string Outcome::transcript() const {
    return "exit code " + std::to_string(exit_code) + "\n--- stdout\n" + out + "\n--- stderr\n" +
           err + "\n--- stats\n" + stats.dump(2);
}

LlamaTool::LlamaTool(std::string program, std::vector<std::string> arguments)
    : program_(std::string(ROSENBLATT_LLAMA_BIN) + "/" + program),
      arguments_(std::move(arguments)),
      environment_(clean_environment()) {}

LlamaTool& LlamaTool::with(const std::vector<std::string>& more_arguments) {
    arguments_.insert(arguments_.end(), more_arguments.begin(), more_arguments.end());
    return *this;
}

LlamaTool& LlamaTool::env(const std::string& name, const std::string& value) {
    environment_[name] = value;
    return *this;
}

LlamaTool& LlamaTool::ending_with(const std::string& last_words) {
    last_words_ = last_words;
    return *this;
}

Outcome LlamaTool::run() const {
    constexpr int k_attempts = 20;
    Outcome outcome;
    for (int attempt = 0; attempt < k_attempts; ++attempt) {
        outcome = run_once();
        if (outcome.exit_code != 0 ||
            (outcome.out + outcome.err).find(last_words_) != std::string::npos)
            break;
    }
    return outcome;
}

Outcome LlamaTool::run_once() const {
    const Scratch scratch;
    auto environment = environment_;
    environment["GGML_ROCKET_STATS"] = scratch.file("stats.json").string();

    Outcome outcome;
    outcome.exit_code = spawn_and_wait(program_, arguments_, environment, scratch);
    outcome.out = read_file(scratch.file("out"));
    outcome.err = read_file(scratch.file("err"));
    const std::string stats = read_file(scratch.file("stats.json"));
    if (!stats.empty()) outcome.stats = nlohmann::json::parse(stats);
    return outcome;
}

LlamaTool completion() {
    return LlamaTool("llama-completion",
                     {"-m", ROSENBLATT_SOURCE_DIR "/models/rosenblatt-kjv-f16.gguf", "-p",
                      "And the LORD said", "-c", "256", "-n", "32", "--temp", "0", "-no-cnv"})
        .ending_with("graphs reused");
}

LlamaTool perplexity(int chunks) {
    return LlamaTool("llama-perplexity",
                     {"-m", ROSENBLATT_SOURCE_DIR "/models/rosenblatt-kjv-f16.gguf", "-f",
                      ROSENBLATT_SOURCE_DIR "/models/heldout.txt", "-c", "256", "-b", "256",
                      "--chunks", std::to_string(chunks)})
        .ending_with("Final estimate");
}

}  // namespace rosenblatt::host
