// SPDX-License-Identifier: MIT
// Our buffers: plain host memory in ggml's own layout, so that the CPU works on it in place, with
// an eye on who writes it, because NPU tiles of the weights in it must go when their source
// changes.
#pragma once

#include "ggml/api.hpp"

namespace rosenblatt::ggml {

/// The default buffer type of ROCKET0; is_host, so no activation is ever copied.
ggml_backend_buffer_type_t buffer_type();

/// True for a buffer that buffer_type() allocated; nullptr is not.
/// A buffer over memory of the program's, the mapped file of a model: its tensors are there when
/// they are placed, nothing is copied.
ggml_backend_buffer_t buffer_over(void* memory, size_t size);

bool is_our_buffer(ggml_backend_buffer_t buffer);

}  // namespace rosenblatt::ggml
