// SPDX-License-Identifier: MIT
// Files that GGML_ROCKET_STATS and GGML_ROCKET_TRACE ask for, written at the end of the process.
#pragma once

#include <functional>
#include <string>

namespace rosenblatt::ggml {

/// `pattern` with %p replaced by this process's id.
std::string with_pid(const std::string& pattern);

/// Writes what `text` gives to the file that `variable` asked for; an empty pattern asks for none.
/// A failure and its reason are a line on stderr: ggml's log callback may be gone by now.
void write_output(const std::string& pattern, const char* variable,
                  const std::function<std::string()>& text);

}  // namespace rosenblatt::ggml
