// SPDX-License-Identifier: MIT
// RowFormat: how a pipeline turns a row of K floats into int8: padding, rotation blocks, scale
// slices. Everything here depends on the pipeline and on K alone, so results never depend on a
// plan.
#pragma once

#include <cstdint>

#include "base/options.hpp"

namespace rosenblatt::quant {

/// K is padded with zeros to whole weight tiles (32 channels).
inline constexpr int64_t k_channel_unit = 32;
/// A row this short has one activation scale; a longer one is cut into equal slices of at most
/// k_slice_max. Finer slices quantise better but each is summed on the host; these lengths fit the
/// planner: K = 2048 is one tile deep, K = 8960 becomes six slices, two for each of three lanes.
inline constexpr int64_t k_whole_max = 2048;
inline constexpr int64_t k_slice_max = 1536;

struct RowFormat {
    int64_t k = 0;
    int64_t k_padded = 0;
    int64_t block = 1;  ///< Hadamard block, a power of two dividing k_padded; 1 = not rotated
    int64_t slice_length = 0;  ///< every slice but the last; a multiple of k_channel_unit
    float most = 127;  ///< largest code; 119 where a code must be 16 * high + low, both -8..7
    float unit = 0;    ///< scale of one step = unit * (largest magnitude before scaling)

    int64_t slices() const { return (k_padded + slice_length - 1) / slice_length; }
    int64_t slice_begin(int64_t s) const { return s * slice_length; }
    int64_t slice_end(int64_t s) const {
        const int64_t end = (s + 1) * slice_length;
        return end < k_padded ? end : k_padded;
    }
};

/// For w8a8h, w8a8 and w4a8, whose weights are another matter (int4.hpp); `k` is at least 1.
RowFormat row_format(Pipeline pipeline, int64_t k);

}  // namespace rosenblatt::quant
