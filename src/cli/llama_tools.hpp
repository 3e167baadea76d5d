// SPDX-License-Identifier: MIT
// What profile and baseline share: how long a prompt the model takes, and how llama.cpp is started.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace rosenblatt::cli {

struct Lengths {
    int prompt = 0;
    int generate = 0;
    std::string note = {};  ///< a sentence where something was cut
};

/// Prompt and generation after each other in one context of the model.
Result<Lengths> fit_one_context(const std::string& gguf, Lengths wanted);
/// Prompt and generation each in a context of its own, as llama-bench runs them.
Result<Lengths> fit_own_contexts(const std::string& gguf, Lengths wanted);

/// Variables that make a llama.cpp program load our backend (not with `cpu`) and a helper of ours
/// find llama.cpp's libraries. Errors: the backend or the folder is not there.
Result<std::vector<std::pair<std::string, std::string>>> llama_environment(
    const std::string& llama_dir, const std::string& backend, bool cpu);

/// CPUs this process may run on.
int usable_cpus();

}  // namespace rosenblatt::cli
