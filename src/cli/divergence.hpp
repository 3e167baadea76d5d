// SPDX-License-Identifier: MIT
// Mean KL divergence of a model on the NPU against the same file on the CPU, with llama-perplexity.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace rosenblatt::cli {

using Environment = std::vector<std::pair<std::string, std::string>>;

struct DivergenceSettings {
    std::string gguf;
    std::string text;
    int chunks = 8;
    int context = 256;
    std::string backend;
    std::string llama;
};

/// Keeps the CPU's logits in a folder of its own, which goes with it.
class Divergence {
  public:
    /// Computes the CPU's logits. Errors: llama.cpp or the backend is not there, the model or the
    /// text cannot be used.
    static Result<Divergence> open(const DivergenceSettings& settings);
    ~Divergence();
    Divergence(Divergence&& other) noexcept { *this = std::move(other); }
    Divergence& operator=(Divergence&& other) noexcept;

    const std::filesystem::path& folder() const { return folder_; }

    /// With these variables of the backend on top. Error: also when less than 99 % of the eligible
    /// multiply-accumulates ran on the NPU: the figure would be the CPU's.
    Result<double> measure(const Environment& variables);
    int runs() const { return runs_; }

  private:
    Divergence() = default;
    Result<std::string> run(const std::vector<std::string>& arguments, const Environment& variables,
                            const std::string& awaited);

    std::filesystem::path folder_;
    std::string program_;
    std::vector<std::string> common_;
    Environment environment_;
    int runs_ = 0;
};

/// The figure of "Mean    KLD:   0.000200 ±   0.000002"; Error where the line is not there.
Result<double> mean_divergence(const std::string& output);

}  // namespace rosenblatt::cli
