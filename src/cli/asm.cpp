// SPDX-License-Identifier: MIT
// `rosenblatt asm`: text to command words.
#include "cli/asm.hpp"

#include <cstdint>
#include <cstdio>
#include <ostream>
#include <vector>

#include "cli/input.hpp"
#include "cli/verb.hpp"
#include "regcmd/assemble.hpp"

namespace rosenblatt::cli {
namespace {

std::string little_endian(const std::vector<uint64_t>& words) {
    std::string bytes;
    bytes.reserve(words.size() * 8);
    for (const uint64_t word : words)
        for (unsigned byte = 0; byte < 8; ++byte)
            bytes += static_cast<char>(word >> (8 * byte) & 0xff);
    return bytes;
}

void print_hex(const std::vector<uint64_t>& words, std::ostream& out) {
    for (const uint64_t word : words) {
        char line[24];
        std::snprintf(line, sizeof line, "0x%016llx\n", static_cast<unsigned long long>(word));
        out << line;
    }
}

}  // namespace

int run_asm(const AsmOptions& options, std::ostream& out, std::ostream& err) {
    const Result<std::string> text = read_input(options.file);
    if (!text) {
        err << "rosenblatt asm: " << text.error().message << "\n";
        return k_exit_finding;
    }
    const auto words = regcmd::assemble(*text);
    if (!words) {
        err << "rosenblatt asm: " << options.file << ": " << words.error().message << "\n";
        return k_exit_finding;
    }
    if (options.output.empty()) {
        print_hex(*words, out);
        return k_exit_fine;
    }
    const Result<void> written = write_output(options.output, little_endian(*words));
    if (!written) err << "rosenblatt asm: " << written.error().message << "\n";
    return written ? k_exit_fine : k_exit_finding;
}

}  // namespace rosenblatt::cli
