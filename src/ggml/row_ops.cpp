// SPDX-License-Identifier: MIT
#include "ggml/row_ops.hpp"

#include <cmath>
#include <cstddef>

namespace rosenblatt::ggml {

float* row_of(const ggml_tensor& t, const ggml_tensor& shape, int64_t m) {
    const int64_t i1 = m % shape.ne[1];
    const int64_t i2 = m / shape.ne[1] % shape.ne[2];
    const int64_t i3 = m / (shape.ne[1] * shape.ne[2]);
    return reinterpret_cast<float*>(
        static_cast<std::byte*>(t.data) + static_cast<size_t>(i1 % t.ne[1]) * t.nb[1] +
        static_cast<size_t>(i2 % t.ne[2]) * t.nb[2] + static_cast<size_t>(i3 % t.ne[3]) * t.nb[3]);
}

void rms_norm(const float* x, int64_t k, float epsilon, const float* gain, float* y) {
    double sum = 0;
    for (int64_t i = 0; i < k; ++i) sum += static_cast<double>(x[i] * x[i]);
    const auto mean = static_cast<float>(sum / static_cast<double>(k));
    const float scale = 1.0F / std::sqrt(mean + epsilon);
    if (gain)
        for (int64_t i = 0; i < k; ++i) y[i] = x[i] * scale * gain[i];
    else
        for (int64_t i = 0; i < k; ++i) y[i] = x[i] * scale;
}

void add(const float* a, const float* b, int64_t n, float* y) {
    for (int64_t i = 0; i < n; ++i) y[i] = a[i] + b[i];
}

void add_scaled(float factor, const float* x, int64_t n, float* y) {
    for (int64_t i = 0; i < n; ++i) y[i] += factor * x[i];
}

}  // namespace rosenblatt::ggml
