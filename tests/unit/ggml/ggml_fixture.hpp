// SPDX-License-Identifier: MIT
// What the tests of src/ggml share: ggml's CPU backend loaded, our session on the emulated NPU, and
// tensors in buffers of ours.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ggml/api.hpp"

namespace rosenblatt::ggml {

/// Loads ggml's CPU backend and points the session at the emulator, every matmul to the NPU; once.
void start_ggml();

struct FreeContext {
    void operator()(ggml_context* context) const { ggml_free(context); }
};
using Context = std::unique_ptr<ggml_context, FreeContext>;
Context make_context();

struct FreeBuffer {
    void operator()(ggml_backend_buffer_t buffer) const { ggml_backend_buffer_free(buffer); }
};
using Buffer = std::unique_ptr<ggml_backend_buffer, FreeBuffer>;

struct FreeBackend {
    void operator()(ggml_backend_t backend) const { ggml_backend_free(backend); }
};
using Backend = std::unique_ptr<ggml_backend, FreeBackend>;

/// Deterministic values in [-1, 1).
std::vector<float> noise(size_t count, uint32_t seed);

/// Quantises `values` into the tensor's type and writes it whole, as a model loader does.
void set_values(ggml_tensor* tensor, const std::vector<float>& values);
/// ids[u, t] = value, in a tensor of I32 in host memory.
void set_id(ggml_tensor* ids, int64_t u, int64_t t, int32_t value);
std::vector<float> get_values(const ggml_tensor* tensor);

/// Sum of squared differences over the sum of squares.
double relative_error(const std::vector<float>& got, const std::vector<float>& expected);

}  // namespace rosenblatt::ggml
