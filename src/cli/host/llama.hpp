// SPDX-License-Identifier: MIT
// Does the llama.cpp on this host take our backend? Asked by letting it list its devices.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace rosenblatt::cli::host {

/// Why `file` cannot be loaded as a ggml backend; nothing when it can.
std::optional<std::string> backend_complaint(const std::string& file);

/// Runs the first of these programs that exists with --list-devices and the backend named. Nothing
/// when ROCKET0 is in its list (emulated, so that no NPU is needed to ask) or none of them is
/// there.
std::optional<std::string> llama_complaint(const std::string& backend,
                                           const std::vector<std::string>& programs);

}  // namespace rosenblatt::cli::host
