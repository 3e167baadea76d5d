// SPDX-License-Identifier: MIT
// `rosenblatt run -- PROGRAM ...`: starts any llama.cpp program with the backend set.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace rosenblatt::cli {

struct RunOptions {
    std::vector<std::string> command;
    std::string backend;  ///< empty: the one that belongs to this program
    std::string llama;    ///< folder of scripts/get_llama.sh; empty: the build's own
};

/// The program takes this process's place, so its exit code and signals are its own. Comes back
/// only when it cannot be started: 1, or 2 for wrong usage.
int run_run(const RunOptions& options, std::ostream& out, std::ostream& err);

}  // namespace rosenblatt::cli
