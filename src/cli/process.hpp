// SPDX-License-Identifier: MIT
// Runs a program and reads what it prints.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace rosenblatt::cli {

struct Finished {
    int exit_code = 0;  ///< 128 + signal where one ended it
    std::string output;
};

/// Standard output is captured, standard error passes through. `environment` is set in
/// ours; an empty value removes the variable.
/// Errors: the program cannot be started.
Result<Finished> run_and_read(
    const std::vector<std::string>& command,
    const std::vector<std::pair<std::string, std::string>>& environment = {});

}  // namespace rosenblatt::cli
