// SPDX-License-Identifier: MIT
// Outliers: the few activations that hold most of a row's energy ("massive activations") are
// multiplied in float on the CPU; the NPU gets the row without them, which int8 then resolves far
// better. A row's outliers depend on that row alone, so its result does too.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "ggml/api.hpp"
#include "matmul/multiply.hpp"
#include "matmul/parallel.hpp"
#include "quant/outliers.hpp"

namespace rosenblatt::ggml {

/// Columns of a weight's matrices in float, kept because the same channels are massive in every
/// token. Thread-safe.
class WeightColumns {
  public:
    using Column = std::shared_ptr<const std::vector<float>>;

    /// W[0..N)[k] of matrix (i2, i3); null where too many are kept already.
    Column find(const ggml_tensor& weight, int64_t i2, int64_t i3, int64_t k);

  private:
    std::mutex mutex_;
    std::map<std::array<int64_t, 3>, Column> columns_;
};

/// Keeps its memory from call to call.
class Outliers {
  public:
    /// Rows of k floats without their outliers, which are looked for when a row is read to be
    /// quantised and in the cache anyway. A row without any is not copied.
    matmul::Input without(matmul::Input rows, int64_t k);

    /// Adds to columns [n0, n0 + n) of row m of Y what was left out of X, times W.
    void put_back(const ggml_tensor& weight, int64_t i2, int64_t i3, WeightColumns& columns,
                  int64_t m, int64_t n0, int64_t n, float* y) const;
    /// The same for whole rows.
    void put_back(const ggml_tensor& weight, int64_t i2, int64_t i3, WeightColumns& columns,
                  std::span<float* const> y, const matmul::ParallelFor& parallel_for) const;

  private:
    std::vector<quant::RowOutliers> found_;  ///< of each row
};

}  // namespace rosenblatt::ggml
