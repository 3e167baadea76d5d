// SPDX-License-Identifier: MIT
// `rosenblatt disasm`: command words to text.
#include "cli/disasm.hpp"

#include <ostream>

#include "cli/input.hpp"
#include "cli/verb.hpp"
#include "regcmd/disassemble.hpp"

namespace rosenblatt::cli {

int run_disasm(const DisasmOptions& options, std::ostream& out, std::ostream& err) {
    const Result<std::string> bytes = read_input(options.file);
    if (!bytes) {
        err << "rosenblatt disasm: " << bytes.error().message << "\n";
        return k_exit_finding;
    }
    const auto words = words_in(*bytes);
    if (!words) {
        err << "rosenblatt disasm: " << options.file << ": " << words.error().message << "\n";
        return k_exit_finding;
    }
    out << regcmd::disassemble(*words, options.hex ? regcmd::Hex::AsComment : regcmd::Hex::No);
    return k_exit_fine;
}

}  // namespace rosenblatt::cli
