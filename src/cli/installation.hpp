// SPDX-License-Identifier: MIT
// Where things are: our own backend beside this program, and the llama.cpp that goes with it.
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"

namespace rosenblatt::cli {

/// Folder of the running program, e.g. "/usr/bin" or a build's "bin".
std::string own_folder();

/// libggml-rocket.so of the installation or build that `bin` (own_folder()) belongs to.
Result<std::string> find_backend(const std::string& bin);

/// A helper program of ours: beside `bin`'s programs in a build, below libexec when installed.
Result<std::string> find_helper(const std::string& bin, const std::string& name);

/// The folder of llama.cpp's programs: `llama_dir`/bin where one is given (a folder that
/// scripts/get_llama.sh made), else the one this program was built with while it exists.
std::optional<std::string> llama_programs(const std::string& llama_dir);

/// A program as the shell would find it, else in `folder`. A name with a slash is a path.
Result<std::string> find_program(const std::string& name, const std::optional<std::string>& folder);

}  // namespace rosenblatt::cli
