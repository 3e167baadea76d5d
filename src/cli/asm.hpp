// SPDX-License-Identifier: MIT
// `rosenblatt asm`: text to command words.
#pragma once

#include <iosfwd>
#include <string>

namespace rosenblatt::cli {

struct AsmOptions {
    std::string file = "-";
    std::string output;  ///< empty: hexadecimal words on standard output
};

int run_asm(const AsmOptions& options, std::ostream& out, std::ostream& err);

}  // namespace rosenblatt::cli
