// SPDX-License-Identifier: MIT
// AVX-512 VNNI. Functions carry their own target attribute: the program runs on any x86-64.
#include "emulator/mac_int8_variants.hpp"

#if defined(__x86_64__)

// g++ 12's own header reads a deliberately undefined register (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <utility>

#define RB_TARGET_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))

namespace rosenblatt::emulator {
namespace {

const int8_t* window(const MacOperands& o, size_t pixel, size_t tap) {
    return reinterpret_cast<const int8_t*>(o.windows[pixel * o.taps + tap]);
}

int32_t load_quad(const int8_t* channels) {
    int32_t quad;
    std::memcpy(&quad, channels, sizeof quad);
    return quad;
}

// vpdpbusd multiplies unsigned with signed bytes: weights are packed with 128 added, and 128 times
// the window's sum is subtracted again. Packed as [tap][quad][32 kernels][4 channels].

size_t vnni_bytes(size_t taps, size_t quads) {
    return taps * quads * k_group_kernels * 4;
}

/// One tile of 16 kernels x 32 channels (a kernel's 32 bytes side by side, 32 apart), transposed to
/// [8 quads][16 kernels], quads 128 bytes apart.
RB_TARGET_VNNI void vnni_transpose(const std::byte* tile, std::byte* out) {
    __m512i rows[8];  // kernel i in the low half, kernel i + 8 in the high half
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; ++i) {
        const auto* kernels = reinterpret_cast<const __m256i*>(tile);
        const __m512i row =
            _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_loadu_si256(kernels + i)),
                               _mm256_loadu_si256(kernels + i + 8), 1);
        rows[i] = _mm512_xor_si512(row, _mm512_set1_epi32(static_cast<int>(0x80808080U)));
    }
    __m512i pairs[8];  // [2 * group + {0, 1}]: quads {0, 1, 4, 5} / {2, 3, 6, 7} of kernels 2 *
                       // group ..
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; ++i) {
        pairs[2 * i] = _mm512_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
        pairs[2 * i + 1] = _mm512_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
    }
    // Lanes of 128 bits now hold two quads of two kernels; the quads q and q + 4 of four kernels:
    const __m512i low = _mm512_setr_epi64(0, 8, 1, 9, 4, 12, 5, 13);
    const __m512i high = _mm512_setr_epi64(2, 10, 3, 11, 6, 14, 7, 15);
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
    const __m512i second = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
#pragma GCC unroll 2
    for (size_t odd = 0; odd < 2; ++odd) {
        const __m512i a = _mm512_permutex2var_epi64(pairs[odd], low, pairs[2 + odd]);
        const __m512i b = _mm512_permutex2var_epi64(pairs[4 + odd], low, pairs[6 + odd]);
        const __m512i c = _mm512_permutex2var_epi64(pairs[odd], high, pairs[2 + odd]);
        const __m512i d = _mm512_permutex2var_epi64(pairs[4 + odd], high, pairs[6 + odd]);
        std::byte* quad = out + 2 * odd * 128;
        _mm512_storeu_si512(quad, _mm512_permutex2var_epi64(a, first, b));
        _mm512_storeu_si512(quad + 128, _mm512_permutex2var_epi64(a, second, b));
        _mm512_storeu_si512(quad + 4 * 128, _mm512_permutex2var_epi64(c, first, d));
        _mm512_storeu_si512(quad + 5 * 128, _mm512_permutex2var_epi64(c, second, d));
    }
}

/// Any tile, one quad at a time.
void vnni_pack_tile(const std::byte* tile, size_t kernels, size_t width, std::byte* out) {
    for (size_t n = 0; n < kernels; ++n, tile += width) {
        for (size_t c = 0; c < width; ++c)
            out[(c / 4 * k_group_kernels + n) * 4 + c % 4] = tile[c] ^ std::byte{0x80};
    }
}

void vnni_pack(const std::byte* group, size_t kernels, size_t channels, size_t taps, size_t quads,
               std::byte* packed) {
    if (kernels < k_group_kernels || channels < quads * 4)
        std::memset(packed, 0x80, vnni_bytes(taps, quads));
    for (size_t first = 0; first < channels; first += 32) {
        const size_t width = std::min<size_t>(32, channels - first);
        for (size_t tap = 0; tap < taps; ++tap, group += kernels * width) {
            std::byte* out = packed + (tap * quads + first / 4) * k_group_kernels * 4;
            if (kernels == k_group_kernels && width == 32) {
                vnni_transpose(group, out);
                vnni_transpose(group + 16 * 32, out + 64);
            } else {
                vnni_pack_tile(group, kernels, width, out);
            }
        }
    }
}

/// `Pixels` pixels against 32 kernels: 2 * Pixels accumulators stay in registers.
template <size_t Pixels>
RB_TARGET_VNNI void vnni_block(const MacOperands& o, size_t first) {
    __m512i sums[Pixels][2];
#pragma GCC unroll 16
    for (auto& pair : sums) pair[0] = pair[1] = _mm512_setzero_si512();
    const std::byte* weights = o.kernels;
    for (size_t tap = 0; tap < o.taps; ++tap) {
        const int8_t* channels[Pixels];
#pragma GCC unroll 16
        for (size_t p = 0; p < Pixels; ++p) channels[p] = window(o, first + p, tap);
        for (size_t quad = 0; quad < o.quads; ++quad, weights += 128) {
            const __m512i low = _mm512_loadu_si512(weights);
            const __m512i high = _mm512_loadu_si512(weights + 64);
#pragma GCC unroll 16  // or the accumulators live in memory
            for (size_t p = 0; p < Pixels; ++p) {
                const __m512i a = _mm512_set1_epi32(load_quad(channels[p] + quad * 4));
                sums[p][0] = _mm512_dpbusd_epi32(sums[p][0], low, a);
                sums[p][1] = _mm512_dpbusd_epi32(sums[p][1], high, a);
            }
        }
    }
#pragma GCC unroll 16
    for (size_t p = 0; p < Pixels; ++p) {
        // 128 * sum may wrap; so does the sum of products, and the difference is right modulo 2^32.
        const __m512i excess = _mm512_slli_epi32(_mm512_set1_epi32(o.window_sums[first + p]), 7);
        int32_t* out = o.sums + (first + p) * k_group_kernels;
        _mm512_storeu_si512(out, _mm512_sub_epi32(sums[p][0], excess));
        _mm512_storeu_si512(out + 16, _mm512_sub_epi32(sums[p][1], excess));
    }
}

template <void (*const* Blocks)(const MacOperands&, size_t), size_t Largest>
void in_blocks(const MacOperands& operands) {
    size_t first = 0;
    for (; first + Largest <= operands.pixels; first += Largest)
        Blocks[Largest - 1](operands, first);
    if (first < operands.pixels) Blocks[operands.pixels - first - 1](operands, first);
}

constexpr void (*k_vnni_blocks[])(const MacOperands&, size_t) = {
    vnni_block<1>, vnni_block<2>, vnni_block<3>, vnni_block<4>,  vnni_block<5>,  vnni_block<6>,
    vnni_block<7>, vnni_block<8>, vnni_block<9>, vnni_block<10>, vnni_block<11>, vnni_block<12>};

}  // namespace

void add_avx512_variant(std::vector<MacInt8>& variants) {
    if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
        variants.push_back({.name = "avx512-vnni",
                            .needs = Simd::Avx512,
                            .widens = false,
                            .offsets = true,
                            .packed_bytes = vnni_bytes,
                            .pack = vnni_pack,
                            .multiply = in_blocks<k_vnni_blocks, 12>,
                            .widen = nullptr});
}

}  // namespace rosenblatt::emulator

#else

namespace rosenblatt::emulator {

void add_avx512_variant(std::vector<MacInt8>&) {}

}  // namespace rosenblatt::emulator

#endif
