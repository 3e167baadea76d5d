// SPDX-License-Identifier: MIT
// MUL_MAT: which of them the NPU can do, and doing one.
//
// ggml's shapes in our words: src0 is W[N][K] with ne = {K, N, A, B}; src1 is X[M][K] with
// ne = {K, M, A*a, B*b}; dst is Y[M][N] with ne = {N, M, A*a, B*b}. Each of the A*B matrices of
// src0 meets the M*a*b rows of src1 that broadcast over it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/options.hpp"
#include "ggml/api.hpp"
#include "ggml/refusal.hpp"
#include "ggml/tile_store.hpp"
#include "matmul/device.hpp"
#include "matmul/multiply.hpp"

namespace rosenblatt::ggml {

struct MulMatShape {
    int64_t m = 0;  ///< rows that meet one matrix, broadcasting included
    int64_t k = 0;
    int64_t n = 0;
    int64_t matrices = 0;  ///< A*B

    double macs() const {
        return static_cast<double>(m) * static_cast<double>(k) * static_cast<double>(n) *
               static_cast<double>(matrices);
    }
};

MulMatShape mul_mat_shape(const ggml_tensor& node);

/// Why the NPU cannot do this MUL_MAT whatever its size; nothing when it can.
std::optional<Refusal> unsuitable(const ggml_tensor& node, Pipeline pipeline);

/// Rows of src1 and dst, ready for the engine; keeps its memory from call to call.
class MulMat {
  public:
    /// Computes `node`, which is suitable and whose tiles these are. A refusal: dst was not
    /// completed, the CPU has to compute the node.
    std::optional<Refusal> run(matmul::Device& device, const ggml_tensor& node, const Tiles& tiles,
                               const matmul::ParallelFor& parallel_for);

  private:
    void gather_rows(const ggml_tensor& node, int64_t i2, int64_t i3,
                     const matmul::ParallelFor& parallel_for);

    std::vector<const float*> x_;
    std::vector<float*> y_;
    Outliers outliers_;
    std::vector<float> converted_;  // rows of an F16 or BF16 src1
};

}  // namespace rosenblatt::ggml
