// SPDX-License-Identifier: MIT
// Runs a program of the pinned llama.cpp with our backend on the emulated NPU, as a user would
// start it.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace rosenblatt::host {

/// What one run left behind. `stats` is null when the backend wrote none.
struct Outcome {
    int exit_code = -1;  ///< 128 + signal when the program was killed by one
    std::string out;
    std::string err;
    nlohmann::json stats;

    /// Matmul nodes the stats say were computed on the NPU; 0 without stats.
    long npu_matmuls() const;
    /// Both streams and the exit code, for the message of a failed assertion.
    std::string transcript() const;
};

/// One program and its arguments. The environment starts from this process's, without any
/// GGML_ROCKET_* or LLAMA_ARG_* variable, with GGML_ROCKET_DEVICE=emulator.
class LlamaTool {
  public:
    LlamaTool(std::string program, std::vector<std::string> arguments);

    LlamaTool& with(const std::vector<std::string>& more_arguments);
    LlamaTool& env(const std::string& name, const std::string& value);
    /// llama.cpp's logger, which also prints the generated text, may lose its last lines when the
    /// program ends (it is leaked on purpose): a run that succeeded without these words is
    /// repeated.
    LlamaTool& ending_with(const std::string& last_words);
    Outcome run() const;

  private:
    Outcome run_once() const;

    std::string program_;
    std::string last_words_;
    std::vector<std::string> arguments_;
    std::map<std::string, std::string> environment_;
};

/// llama-completion of 32 tokens from the bundled model, greedy.
LlamaTool completion();
/// llama-perplexity over the first `chunks` chunks of the held-out text.
LlamaTool perplexity(int chunks);

}  // namespace rosenblatt::host
