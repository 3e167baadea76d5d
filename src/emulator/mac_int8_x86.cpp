// SPDX-License-Identifier: MIT
// AVX-512 VNNI and AVX2. Functions carry their own target attribute: the program runs on any
// x86-64.
#include "emulator/mac_int8_x86.hpp"

#if defined(__x86_64__)

// g++ 12's own header reads a deliberately undefined register (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <utility>

#define RB_TARGET_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define RB_TARGET_AVX2 __attribute__((target("avx2")))

namespace rosenblatt::emulator {
namespace {

int32_t load_quad(const int8_t* channels) {
    int32_t quad;
    std::memcpy(&quad, channels, sizeof quad);
    return quad;
}

// ---- AVX-512 VNNI ----
// vpdpbusd multiplies unsigned with signed bytes: weights are packed with 128 added, and 128 times
// the window's sum is subtracted again. Packed as [tap][quad][32 kernels][4 channels].

size_t vnni_bytes(size_t taps, size_t quads) {
    return taps * quads * k_group_kernels * 4;
}

void vnni_pack(const std::byte* group, size_t kernels, size_t channels, size_t taps, size_t quads,
               std::byte* packed) {
    if (kernels < k_group_kernels || channels < quads * 4)
        std::memset(packed, 0x80, vnni_bytes(taps, quads));
    for (size_t first = 0; first < channels; first += 32) {
        const size_t width = std::min<size_t>(32, channels - first);
        for (size_t tap = 0; tap < taps; ++tap) {
            std::byte* out = packed + (tap * quads + first / 4) * k_group_kernels * 4;
            for (size_t n = 0; n < kernels; ++n, group += width) {
                size_t c = 0;
                for (; c + 4 <= width; c += 4) {
                    uint32_t quad;
                    std::memcpy(&quad, group + c, sizeof quad);
                    quad ^= 0x80808080U;
                    std::memcpy(out + (c / 4 * k_group_kernels + n) * 4, &quad, sizeof quad);
                }
                for (; c < width; ++c)
                    out[(c / 4 * k_group_kernels + n) * 4 + c % 4] = group[c] ^ std::byte{0x80};
            }
        }
    }
}

/// `Pixels` pixels against 32 kernels: 2 * Pixels accumulators stay in registers.
template <size_t Pixels>
RB_TARGET_VNNI void vnni_block(const MacOperands& o, size_t first) {
    __m512i sums[Pixels][2];
    for (auto& pair : sums) pair[0] = pair[1] = _mm512_setzero_si512();
    const std::byte* weights = o.kernels;
    for (size_t tap = 0; tap < o.taps; ++tap) {
        const int8_t* channels[Pixels];
        for (size_t p = 0; p < Pixels; ++p) channels[p] = o.windows[(first + p) * o.taps + tap];
        for (size_t quad = 0; quad < o.quads; ++quad, weights += 128) {
            const __m512i low = _mm512_loadu_si512(weights);
            const __m512i high = _mm512_loadu_si512(weights + 64);
            for (size_t p = 0; p < Pixels; ++p) {
                const __m512i a = _mm512_set1_epi32(load_quad(channels[p] + quad * 4));
                sums[p][0] = _mm512_dpbusd_epi32(sums[p][0], low, a);
                sums[p][1] = _mm512_dpbusd_epi32(sums[p][1], high, a);
            }
        }
    }
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

// ---- AVX2 ----
// vpmaddubsw would saturate, so bytes are widened: weights when packed, as
// [tap][pair][32 kernels][2 channels] of int16, features on the fly.

size_t avx2_bytes(size_t taps, size_t quads) {
    return taps * quads * k_group_kernels * 8;
}

void avx2_pack(const std::byte* group, size_t kernels, size_t channels, size_t taps, size_t quads,
               std::byte* packed) {
    if (kernels < k_group_kernels || channels < quads * 4)
        std::memset(packed, 0, avx2_bytes(taps, quads));
    auto* out = reinterpret_cast<int16_t*>(packed);
    for (size_t first = 0; first < channels; first += 32) {
        const size_t width = std::min<size_t>(32, channels - first);
        for (size_t tap = 0; tap < taps; ++tap) {
            int16_t* tile = out + (tap * quads * 4 + first) * k_group_kernels;
            for (size_t n = 0; n < kernels; ++n)
                for (size_t c = 0; c < width; ++c, ++group)
                    tile[(c / 2 * k_group_kernels + n) * 2 + c % 2] = static_cast<int8_t>(*group);
        }
    }
}

/// `Pixels` pixels against 32 kernels: 4 * Pixels accumulators.
template <size_t Pixels>
RB_TARGET_AVX2 void avx2_block(const MacOperands& o, size_t first) {
    __m256i sums[Pixels][4];
    for (auto& quarter : sums)
        for (__m256i& sum : quarter) sum = _mm256_setzero_si256();
    const auto* weights = reinterpret_cast<const __m256i*>(o.kernels);
    for (size_t tap = 0; tap < o.taps; ++tap) {
        const int8_t* channels[Pixels];
        for (size_t p = 0; p < Pixels; ++p) channels[p] = o.windows[(first + p) * o.taps + tap];
        for (size_t pair = 0; pair < o.quads * 2; ++pair, weights += 4) {
            for (size_t p = 0; p < Pixels; ++p) {
                const int32_t low = static_cast<uint16_t>(channels[p][pair * 2]);
                const int32_t high = channels[p][pair * 2 + 1];
                const __m256i a = _mm256_set1_epi32(
                    low | static_cast<int32_t>(static_cast<uint32_t>(high) << 16));
                for (size_t quarter = 0; quarter < 4; ++quarter)
                    sums[p][quarter] = _mm256_add_epi32(
                        sums[p][quarter],
                        _mm256_madd_epi16(_mm256_loadu_si256(weights + quarter), a));
            }
        }
    }
    for (size_t p = 0; p < Pixels; ++p)
        for (size_t quarter = 0; quarter < 4; ++quarter)
            _mm256_storeu_si256(
                reinterpret_cast<__m256i*>(o.sums + (first + p) * k_group_kernels) + quarter,
                sums[p][quarter]);
}

constexpr void (*k_avx2_blocks[])(const MacOperands&, size_t) = {avx2_block<1>, avx2_block<2>,
                                                                 avx2_block<3>};

}  // namespace

void add_x86_variants(std::vector<MacInt8>& variants) {
    if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
        variants.push_back({"avx512-vnni", vnni_bytes, vnni_pack, in_blocks<k_vnni_blocks, 12>});
    if (__builtin_cpu_supports("avx2"))
        variants.push_back({"avx2", avx2_bytes, avx2_pack, in_blocks<k_avx2_blocks, 3>});
}

}  // namespace rosenblatt::emulator

#endif
