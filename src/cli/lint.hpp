// SPDX-License-Identifier: MIT
// `rosenblatt lint`: what is wrong with a stream, without running it.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace rosenblatt::cli {

struct LintOptions {
    std::string file = "-";      ///< or a replay folder: all its tasks, on its BOs
    std::vector<std::string> bos;  ///< "ADDRESS:SIZE" each
    bool json = false;
    bool rules = false;  ///< only list the rules
};

/// Exit code 1 when there is any finding, warnings included.
int run_lint(const LintOptions& options, std::ostream& out, std::ostream& err);

}  // namespace rosenblatt::cli
