// SPDX-License-Identifier: MIT
// ggml's row operations that are computed while rows are packed and unpacked, with ggml's bits.
#pragma once

#include <cstdint>

#include "ggml/api.hpp"

namespace rosenblatt::ggml {

/// Row `m` of `t`, which repeats to `shape`; rows are counted over all dimensions of `shape`.
float* row_of(const ggml_tensor& t, const ggml_tensor& shape, int64_t m);

/// RMS_NORM and, unless `gain` is null, MUL. ggml sums squares one by one in double, so this does.
void rms_norm(const float* x, int64_t k, float epsilon, const float* gain, float* y);

/// y = a + b; y may be one of them.
void add(const float* a, const float* b, int64_t n, float* y);

/// y += factor * x
void add_scaled(float factor, const float* x, int64_t n, float* y);

}  // namespace rosenblatt::ggml
