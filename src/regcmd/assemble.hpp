// SPDX-License-Identifier: MIT
// Text to words; the language is the disassembler's (disassemble.hpp).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace rosenblatt::regcmd {

/// One word per line. Empty lines and everything after # or ; are ignored, and so is an index with
/// a colon before the word. Fields left out are zero (counts: one). The error begins with "line
/// N:".
Result<std::vector<uint64_t>> assemble(std::string_view text);

}  // namespace rosenblatt::regcmd
