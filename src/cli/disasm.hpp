// SPDX-License-Identifier: MIT
// `rosenblatt disasm`: command words to text.
#pragma once

#include <iosfwd>
#include <string>

namespace rosenblatt::cli {

struct DisasmOptions {
    std::string file = "-";
    bool hex = false;  ///< show each word after its line
};

int run_disasm(const DisasmOptions& options, std::ostream& out, std::ostream& err);

}  // namespace rosenblatt::cli
