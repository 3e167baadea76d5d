// SPDX-License-Identifier: MIT
// Models that are known without their files: the tensors a GGUF of them holds.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/gguf.hpp"

namespace rosenblatt::cli {

/// A dense model, a mixture of experts and an embedding model.
std::vector<std::string> catalogue_names();

/// Errors: an unknown name; the message lists the known ones.
Result<Gguf> catalogue_model(const std::string& name);

}  // namespace rosenblatt::cli
