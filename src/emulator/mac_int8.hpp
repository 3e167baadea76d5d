// SPDX-License-Identifier: MIT
// The int8 multiplier array on the host: sums of products for many pixels and one kernel group.
// Several implementations, equal to the bit; the best one for the machine is chosen once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/simd.hpp"

namespace rosenblatt::emulator {

inline constexpr size_t k_group_kernels = 32;

/// The operands of one call. A pixel's window is `taps` runs of `quads` * 4 channels.
struct MacOperands {
    const std::byte* const* windows;  ///< [pixels][taps]; int8 channels, or int16 (MacInt8::widens)
    const int32_t* window_sums;       ///< [pixels] sum of all int8 of the window (MacInt8::offsets)
    const std::byte* kernels;         ///< from pack()
    size_t taps;
    size_t quads;
    size_t pixels;
    int32_t* sums;  ///< out: [pixels][32]
};

struct MacInt8 {
    const char* name;
    Simd needs;
    /// Features are wanted as int16: without a dot product of bytes, widening once per task is
    /// cheaper than once per kernel group.
    bool widens;
    /// Weights are packed with 128 added, because the instruction multiplies unsigned with signed
    /// bytes; 128 times the window's sum is taken off again.
    bool offsets;
    /// Bytes pack() needs for one group.
    size_t (*packed_bytes)(size_t taps, size_t quads);
    /// Packs one group of `kernels` <= 32 kernels from the CNA's order (npu::WeightCube);
    /// `channels` are those stored, `quads` those of the feature pixels (more: their weights are
    /// zero).
    void (*pack)(const std::byte* group, size_t kernels, size_t channels, size_t taps, size_t quads,
                 std::byte* packed);
    void (*multiply)(const MacOperands& operands);
    /// For widens: int16 of `count` int8, count a multiple of 16.
    void (*widen)(const std::byte* bytes, size_t count, int16_t* out);
};

/// What this machine can run, the best first; the last one is portable.
std::span<const MacInt8> mac_int8_variants();

/// The best of them that needs no more than `most`.
const MacInt8& mac_int8(Simd most);

}  // namespace rosenblatt::emulator
