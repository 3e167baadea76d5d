// SPDX-License-Identifier: MIT
// int4 to int8.
#include "emulator/mac_int4.hpp"

#include <algorithm>

namespace rosenblatt::emulator {

void expand_int4(const std::byte* pairs, size_t bytes, std::byte* out) {
    // Flipping the sign bit and taking 8 off extends the sign of 4 bits.
    const auto extend = [](uint8_t four) {
        return static_cast<std::byte>(static_cast<uint8_t>((four ^ 8) - 8));
    };
    for (size_t i = 0; i < bytes; ++i) {
        const auto pair = static_cast<uint8_t>(pairs[i]);
        out[2 * i] = extend(pair & 15);
        out[2 * i + 1] = extend(static_cast<uint8_t>(pair >> 4));
    }
}

void expand_int4_kernels(const std::byte* group, size_t kernels, size_t first, size_t count,
                         size_t channels, size_t taps, std::byte* out) {
    for (size_t channel = 0; channel < channels; channel += 32) {
        const size_t width = std::min<size_t>(32, channels - channel);
        for (size_t tap = 0; tap < taps; ++tap) {
            expand_int4(group + first * width / 2, count * width / 2, out);
            group += kernels * width / 2;
            out += count * width;
        }
    }
}

}  // namespace rosenblatt::emulator
