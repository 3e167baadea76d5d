// SPDX-License-Identifier: MIT
// A ggml backend (stream) on ROCKET0: takes whole graphs, gives the NPU what it is good at.
#pragma once

#include "ggml/api.hpp"

namespace rosenblatt::ggml {

/// nullptr when ggml's CPU backend is missing (said in the log).
ggml_backend_t make_backend(ggml_backend_dev_t device);

/// Functions that llama.cpp asks for by name; nullptr for others.
void* backend_function(const char* name);

}  // namespace rosenblatt::ggml
