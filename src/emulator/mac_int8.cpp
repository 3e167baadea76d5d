// SPDX-License-Identifier: MIT
// The portable int8 multiplier and the choice among variants.
#include "emulator/mac_int8.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "emulator/mac_int8_variants.hpp"

namespace rosenblatt::emulator {
namespace {

// Packed as [tap][channel][32 kernels] of int16: the compiler turns the inner loop into
// multiply-adds of whole vectors.
size_t portable_bytes(size_t taps, size_t quads) {
    return taps * quads * 4 * k_group_kernels * sizeof(int16_t);
}

void portable_pack(const std::byte* group, size_t kernels, size_t channels, size_t taps,
                   size_t quads, std::byte* packed) {
    std::memset(packed, 0, portable_bytes(taps, quads));
    auto* out = reinterpret_cast<int16_t*>(packed);
    for (size_t first = 0; first < channels; first += 32) {
        const size_t width = std::min<size_t>(32, channels - first);
        for (size_t tap = 0; tap < taps; ++tap)
            for (size_t n = 0; n < kernels; ++n)
                for (size_t c = 0; c < width; ++c, ++group)
                    out[(tap * quads * 4 + first + c) * k_group_kernels + n] =
                        static_cast<int8_t>(*group);
    }
}

void portable_multiply(const MacOperands& o) {
    const auto* weights = reinterpret_cast<const int16_t*>(o.kernels);
    for (size_t p = 0; p < o.pixels; ++p) {
        int32_t sums[k_group_kernels] = {};
        const int16_t* row = weights;
        for (size_t tap = 0; tap < o.taps; ++tap) {
            const auto* channels = reinterpret_cast<const int8_t*>(o.windows[p * o.taps + tap]);
            for (size_t c = 0; c < o.quads * 4; ++c, row += k_group_kernels)
                for (size_t n = 0; n < k_group_kernels; ++n) sums[n] += channels[c] * row[n];
        }
        std::memcpy(o.sums + p * k_group_kernels, sums, sizeof sums);
    }
}

std::vector<MacInt8> available() {
    std::vector<MacInt8> variants;
    add_avx512_variant(variants);
    add_avx_vnni_variant(variants);
    add_avx2_variant(variants);
    add_neon_variant(variants);
    variants.push_back({.name = "portable",
                        .needs = Simd::Plain,
                        .widens = false,
                        .offsets = false,
                        .packed_bytes = portable_bytes,
                        .pack = portable_pack,
                        .multiply = portable_multiply,
                        .widen = nullptr});
    return variants;
}

}  // namespace

std::span<const MacInt8> mac_int8_variants() {
    static const std::vector<MacInt8> variants = available();
    return variants;
}

const MacInt8& mac_int8(Simd most) {
    return *std::ranges::find_if(mac_int8_variants(),
                                 [&](const MacInt8& mac) { return mac.needs <= most; });
}

}  // namespace rosenblatt::emulator
