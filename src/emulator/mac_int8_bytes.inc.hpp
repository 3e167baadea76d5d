// SPDX-License-Identifier: MIT
// The int8 multiplier in panels for instruction sets that take bytes, 4 channels to a step:
// packing. Included inside a namespace, as mac_int8_panels.inc.hpp is, and brings that along.
#include "emulator/mac_int8_panels.inc.hpp"

inline size_t packed_bytes(size_t taps, size_t quads) {
    return taps * quads * k_group_kernels * 4;
}

/// 4 channels of a kernel are 4 bytes side by side before and after.
inline void pack(const std::byte* group, size_t kernels, size_t channels, size_t taps, size_t quads,
                 std::byte* packed) {
    constexpr uint8_t flip = k_offsets ? 0x80 : 0;
    if (kernels < k_group_kernels || channels < quads * 4)
        std::memset(packed, flip, packed_bytes(taps, quads));
    for (size_t first = 0; first < channels; first += 32) {
        const size_t width = std::min<size_t>(32, channels - first);
        for (size_t tap = 0; tap < taps; ++tap)
            for (size_t n = 0; n < kernels; ++n, group += width) {
                std::byte* out = packed + packed_at(taps, quads, n, tap, first / 4);
                size_t c = 0;
                for (; c + 4 <= width; c += 4, out += k_step_bytes) {
                    uint32_t four;
                    std::memcpy(&four, group + c, sizeof four);
                    four ^= flip * 0x01010101U;
                    std::memcpy(out, &four, sizeof four);
                }
                for (; c < width; ++c) out[c % 4] = group[c] ^ std::byte{flip};
            }
    }
}

inline void multiply(const MacOperands& o) {
    multiply_panels(o, o.quads);
}
