// SPDX-License-Identifier: MIT
// `rosenblatt calibrate`: which tensors of a model may run in int8 for a given loss, and which need
// fp16; writes the policy that the backend reads.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "quant/policy.hpp"

namespace rosenblatt::cli {

struct CalibrateOptions {
    std::string gguf;
    std::string text;
    double budget = 1e-4;  ///< mean KL divergence allowed, against the same file on the CPU
    int chunks = 8;        ///< of the text
    int context = 256;
    int groups = 32;  ///< more tensors than this are measured by role (all ffn_down together)
    std::string output;  ///< the policy file; empty: in the cache, where the backend looks
    std::string backend;
    std::string llama;
    bool json = false;
};

/// Tensors that are moved between pipelines together.
struct CalibrateGroup {
    std::string name;
    std::vector<std::string> tensors;
    double macs = 0;  ///< weights: multiply-accumulates per token
    double loss = 0;  ///< mean KLD when this group alone runs in int8
    bool int8 = false;
};

/// Chooses which groups run in int8 so that the losses add up to at most `budget`: those with the
/// least loss per multiply-accumulate first.
void choose_int8(std::vector<CalibrateGroup>& groups, double budget);

/// Takes the group with the most loss per multiply-accumulate back to fp16; false: none is left.
bool take_back_worst(std::vector<CalibrateGroup>& groups);

/// Returns 0, 1 when the budget cannot be met or a tool fails, 2 for wrong usage.
int run_calibrate(const CalibrateOptions& options, std::ostream& out, std::ostream& err);

}  // namespace rosenblatt::cli
