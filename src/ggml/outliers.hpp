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
#include "matmul/parallel.hpp"

namespace rosenblatt::ggml {

/// Columns of a weight's matrices in float, kept because the same channels are massive in every
/// token. Thread-safe.
class WeightColumns {
  public:
    using Column = std::shared_ptr<const std::vector<float>>;

    /// W[0..N)[k] of matrix (i2, i3).
    Column find(const ggml_tensor& weight, int64_t i2, int64_t i3, int64_t k);

  private:
    std::mutex mutex_;
    std::map<std::array<int64_t, 3>, Column> columns_;
};

/// Keeps its memory from call to call.
class Outliers {
  public:
    /// Looks for outliers in rows of k floats. Where a row has some, `rows` points to a copy
    /// without them afterwards.
    void take_out(std::vector<const float*>& rows, int64_t k,
                  const matmul::ParallelFor& parallel_for);

    /// Adds to the rows of Y what was taken out of X, times W.
    void put_back(const ggml_tensor& weight, int64_t i2, int64_t i3, WeightColumns& columns,
                  std::span<float* const> y, const matmul::ParallelFor& parallel_for);

  private:
    static constexpr size_t k_most = 8;  ///< in a row

    struct RowOutliers {
        size_t count = 0;
        std::array<int64_t, k_most> k;
        std::array<float, k_most> value;
    };

    static void find(const float* row, int64_t k, RowOutliers& found);
    void copy_rows(std::vector<const float*>& rows, int64_t k,
                   const matmul::ParallelFor& parallel_for);

    std::vector<RowOutliers> found_;
    std::vector<size_t> with_outliers_;  ///< rows that have some
    std::vector<float> copies_;          ///< of those
};

}  // namespace rosenblatt::ggml
