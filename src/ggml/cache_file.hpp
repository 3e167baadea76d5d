// SPDX-License-Identifier: MIT
// Files that are kept between runs: whole or not there, whoever writes at the same time.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/result.hpp"

namespace rosenblatt::ggml {

/// Writes the pieces one after the other to a file of its own, then gives it the name `path`. Makes
/// the folder if need be.
Result<void> write_whole(const std::string& path,
                         std::span<const std::span<const std::byte>> pieces);

}  // namespace rosenblatt::ggml
