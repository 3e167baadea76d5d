// SPDX-License-Identifier: MIT
// The DPU's integer stages as nearly every stream has them, as loops without branches. Computed in
// doubles, which hold every intermediate exactly (at most 48 bits) and are vectors on every
// machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/simd.hpp"
#include "npu/convert.hpp"

namespace rosenblatt::emulator {

/// Values of one tile, [pixels][channels].
struct TileValues {
    int32_t* values;
    size_t pixels, channels;
};

/// values += addends of the channel, saturating.
void add_per_channel(const TileValues& tile, const int32_t* addends, Simd most);

/// values += sums * factors of the channel, saturating; one sum per pixel, or per value.
void add_products(const TileValues& tile, const int32_t* sums, bool per_value,
                  const int32_t* factors, Simd most);

/// OUT_CVT: multiply, shift by 1 to 47, half to even, offset, saturate to [low, high].
void convert_half_even(std::span<int32_t> values, const npu::Requantise& cvt, int64_t low,
                       int64_t high, Simd most);

}  // namespace rosenblatt::emulator
