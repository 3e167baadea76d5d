// SPDX-License-Identifier: MIT
// `rosenblatt replay`: runs recorded jobs on the emulator and compares their output.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "cli/replay_compare.hpp"

namespace rosenblatt::cli {

struct ReplayOptions {
    std::string folder;
    ExpectationOptions expectation;
    bool strict = false;
    bool trace = false;
    std::vector<std::string> switches;  ///< "NAME=VALUE" each
    bool json = false;
};

/// 0: equal within the tolerance; 1: different, a fault, or nothing to compare; 2: not a replay
/// folder, or options that make no sense.
int run_replay(const ReplayOptions& options, std::ostream& out, std::ostream& err);

}  // namespace rosenblatt::cli
