// SPDX-License-Identifier: MIT
// Outliers of a row: the few activations that hold most of its energy ("massive activations"). int8
// resolves the row far better without them; who takes them out multiplies them in float. They
// depend on the row alone, so its result does too.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace rosenblatt::quant {

/// Sums of squares, in a fixed order, so that every instruction set gets the same bits. Meant to be
/// taken when a row is about to be quantised and in the cache anyway.
struct RowEnergy {
    float sum = 0;
    float largest = 0;  ///< of the squares

    /// Some activation is an outlier.
    bool has_outlier() const;
};

RowEnergy row_energy(const float* row, int64_t k);

struct RowOutliers {
    static constexpr size_t k_most = 8;
    size_t count = 0;
    std::array<int64_t, k_most> k{};
    std::array<float, k_most> value{};
    bool operator==(const RowOutliers&) const = default;
};

/// Sets the outliers of `row` to zero, the largest first, and notes them.
void take_outliers(float* row, int64_t k, RowOutliers& found);

}  // namespace rosenblatt::quant
