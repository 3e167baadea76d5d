// SPDX-License-Identifier: MIT
// Depthwise int8: one loop that compilers turn into vectors, compiled for several instruction sets.
#include "emulator/mac_depthwise.hpp"

namespace rosenblatt::emulator {
namespace {

[[gnu::always_inline]] inline void tile(const DepthwiseOperands& o) {
    for (size_t p = 0; p < o.pixels; ++p) {
        int32_t* __restrict values = o.values + p * o.stride;
        int32_t* __restrict sums = o.sums + p * o.stride;
        for (size_t tap = 0; tap < o.taps; ++tap) {
            const auto* pixel =
                reinterpret_cast<const int8_t*>(o.windows[p * o.taps + tap]) + o.first_channel;
            const int8_t* weights = o.weights + tap * o.group;
            for (size_t c = 0; c < o.channels; ++c) {
                values[c] += pixel[c] * weights[c];
                sums[c] += pixel[c];
            }
        }
    }
}

void tile_portable(const DepthwiseOperands& o) {
    tile(o);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) void tile_avx2(const DepthwiseOperands& o) {
    tile(o);
}
#endif

}  // namespace

void depthwise_int8_tile(const DepthwiseOperands& operands, [[maybe_unused]] Simd most) {
#if defined(__x86_64__)
    if (most >= Simd::Avx2 && runs_here(Simd::Avx2)) return tile_avx2(operands);
#endif
    tile_portable(operands);
}

}  // namespace rosenblatt::emulator
