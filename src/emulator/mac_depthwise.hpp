// SPDX-License-Identifier: MIT
// Depthwise int8 on the host: every channel with its own kernel, channels side by side in vectors.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/simd.hpp"

namespace rosenblatt::emulator {

struct DepthwiseOperands {
    const std::byte* const* windows;  ///< [pixels][taps] pixels of the feature map
    size_t taps;
    size_t first_channel;   ///< of the group, in the feature map
    const int8_t* weights;  ///< [taps][group]
    size_t group;           ///< channels that have weights
    size_t channels;        ///< channels wanted, at most group
    size_t stride;          ///< channels of a row of the results
    size_t pixels;
    int32_t* values;  ///< [pixels][stride], zero before
    int32_t* sums;    ///< [pixels][stride] of inputs, zero before
};

void depthwise_int8_tile(const DepthwiseOperands& operands, Simd most);

}  // namespace rosenblatt::emulator
