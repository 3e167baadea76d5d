// SPDX-License-Identifier: MIT
// `rosenblatt profile`: where a prefill's and a decode's time goes, op by op.
#pragma once

#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace rosenblatt::cli {

struct ProfileOptions {
    std::string gguf;
    int prompt = 512;
    int generate = 64;
    int threads = 0;  ///< 0: every CPU this process may use
    std::string backend;
    std::string llama;
    bool cpu = false;  ///< without the backend
    bool json = false;
    std::string svg;
};

/// The objects of the contract, one per line of `text`.
Result<std::vector<nlohmann::ordered_json>> profile_phases(const std::string& text);

/// Bars by share, the dearest first; what is left beyond `most` is one bar.
std::string profile_chart(const nlohmann::ordered_json& phase, size_t most);

/// Returns 0, 1 when llama.cpp or the model fails, 2 for wrong usage.
int run_profile(const ProfileOptions& options, std::ostream& out, std::ostream& err);

}  // namespace rosenblatt::cli
