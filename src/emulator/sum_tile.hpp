// SPDX-License-Identifier: MIT
// SumTile: values of consecutive pixels and channels on their way through CORE and DPU.
#pragma once

#include <cstdint>
#include <vector>

namespace rosenblatt::emulator {

struct SumTile {
    uint32_t first_pixel = 0;  ///< in row order over the whole output map
    uint32_t pixels = 0;
    uint32_t first_channel = 0;
    uint32_t channels = 0;

    bool real = false;  ///< which of the two holds the values, [pixels][channels]
    std::vector<int32_t> values;
    std::vector<float> reals;

    /// Sums of the inputs of each window, for CPEND: [pixels], or [pixels][channels]; empty when
    /// the core does not form them.
    std::vector<int32_t> window_sums;
    bool sums_per_channel = false;

    size_t size() const { return size_t{pixels} * channels; }
    int32_t& value(uint32_t pixel, uint32_t channel) {
        return values[size_t{pixel} * channels + channel];
    }
    float& real_value(uint32_t pixel, uint32_t channel) {
        return reals[size_t{pixel} * channels + channel];
    }

    void clear(bool is_real, bool per_channel) {
        real = is_real;
        sums_per_channel = per_channel;
        values.assign(is_real ? 0 : size(), 0);
        reals.assign(is_real ? size() : 0, 0.0F);
        window_sums.assign(per_channel ? size() : pixels, 0);
    }
};

}  // namespace rosenblatt::emulator
