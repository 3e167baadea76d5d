// SPDX-License-Identifier: MIT
// The JSON that GGML_ROCKET_STATS asks for at the end of the process.
#pragma once

#include <string>

#include "ggml/session.hpp"
#include "matmul/device.hpp"

namespace rosenblatt::ggml {

/// The text of the file; its keys are a contract (docs/environment.md).
std::string stats_json(const Options& options, const Npu* npu, const Counters& counters);

}  // namespace rosenblatt::ggml
