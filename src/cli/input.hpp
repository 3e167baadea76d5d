// SPDX-License-Identifier: MIT
// Files a verb is given: reading them whole, and finding the command words in them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace rosenblatt::cli {

/// The whole file; "-" is standard input.
Result<std::string> read_input(const std::string& path);

/// Writes the whole file, or leaves an error that names it.
Result<void> write_output(const std::string& path, std::string_view bytes);

/// Where the file really lies that is to be made or replaced: links are followed. Error, before any
/// work was done for it: its folder is not there or not writable, or what stands there is no
/// regular file (a rename would take a device's or a pipe's place).
Result<std::string> output_place(const std::string& path);

/// Command words in whatever form they come, told apart by the bytes themselves:
/// - little-endian 64-bit words (any byte that is not text),
/// - one word per line in hexadecimal, after an optional line number (words of a listing that
/// follows
///   the word with its meaning are taken too),
/// - the language of `rosenblatt asm`.
Result<std::vector<uint64_t>> words_in(std::string_view bytes);

}  // namespace rosenblatt::cli
