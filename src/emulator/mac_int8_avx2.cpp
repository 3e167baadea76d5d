// SPDX-License-Identifier: MIT
// AVX2. vpmaddubsw would saturate, so both operands are widened to int16 beforehand (weights when
// packed, features once per task) and vpmaddwd makes 16 exact products at a time. Functions carry
// their own target attribute: the program runs on any x86-64.
#include "emulator/mac_int8_variants.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <cstring>

namespace rosenblatt::emulator {
namespace {

#define RB_TARGET __attribute__((target("avx2")))
#define RB_OPERATION [[gnu::always_inline]] RB_TARGET inline

using Vector = __m256i;
constexpr size_t k_vectors = 2;
constexpr bool k_offsets = false;
constexpr size_t k_block_steps = 256;  // 16 KiB of weights

RB_OPERATION Vector load(const std::byte* at) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
}
RB_OPERATION Vector spread(int32_t four) {
    return _mm256_set1_epi32(four);
}
RB_OPERATION Vector dot(Vector sums, Vector w, Vector a) {
    return _mm256_add_epi32(sums, _mm256_madd_epi16(w, a));
}
RB_OPERATION Vector load_sums(const int32_t* at) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
}
RB_OPERATION void store_sums(int32_t* at, Vector sums) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), sums);
}

#include "emulator/mac_int8_panels.inc.hpp"

constexpr size_t k_steps_per_quad = 2;

size_t packed_bytes(size_t taps, size_t quads) {
    return taps * quads * k_group_kernels * 8;
}

/// 8 kernels x 16 channels (kernels 32 bytes apart), to [8 steps][8 kernels][2 channels] of int16;
/// steps k_step_bytes apart.
RB_TARGET void transpose(const std::byte* tile, std::byte* out) {
    __m128i rows[8], pairs[8], quads[8];
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; ++i)
        rows[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(tile + i * 32));
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; ++i) {  // words of rows i and i + 4, in turn
        pairs[2 * i] = _mm_unpacklo_epi16(rows[i], rows[i + 4]);
        pairs[2 * i + 1] = _mm_unpackhi_epi16(rows[i], rows[i + 4]);
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; ++i) {  // of rows i % 2, + 2, + 4, + 6
        quads[2 * i] = _mm_unpacklo_epi16(pairs[i], pairs[i + 4]);
        quads[2 * i + 1] = _mm_unpackhi_epi16(pairs[i], pairs[i + 4]);
    }
    // quads[i] and quads[i + 4] hold words 2 * i and 2 * i + 1 of the even and of the odd rows.
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; ++i) {
        const __m128i even = _mm_unpacklo_epi16(quads[i], quads[i + 4]);
        const __m128i odd = _mm_unpackhi_epi16(quads[i], quads[i + 4]);
        auto* step = reinterpret_cast<__m256i*>(out + 2 * i * k_step_bytes);
        _mm256_storeu_si256(step, _mm256_cvtepi8_epi16(even));
        _mm256_storeu_si256(step + k_step_bytes / sizeof *step, _mm256_cvtepi8_epi16(odd));
    }
}

/// Any tile, one channel at a time.
void pack_tile(const std::byte* tile, size_t kernels, size_t width, size_t panel_bytes,
               std::byte* out) {
    for (size_t n = 0; n < kernels; ++n)
        for (size_t c = 0; c < width; ++c) {
            const auto value = static_cast<int16_t>(static_cast<int8_t>(*tile++));
            std::memcpy(out + n / 16 * panel_bytes + c / 2 * k_step_bytes + n % 16 * 4 + c % 2 * 2,
                        &value, sizeof value);
        }
}

void pack(const std::byte* group, size_t kernels, size_t channels, size_t taps, size_t quads,
          std::byte* packed) {
    if (kernels < k_group_kernels || channels < quads * 4)
        std::memset(packed, 0, packed_bytes(taps, quads));
    const size_t steps = quads * k_steps_per_quad;
    const size_t panel_bytes = taps * steps * k_step_bytes;
    for (size_t first = 0; first < channels; first += 32) {
        const size_t width = std::min<size_t>(32, channels - first);
        for (size_t tap = 0; tap < taps; ++tap, group += kernels * width) {
            std::byte* out = packed + (tap * steps + first / 2) * k_step_bytes;
            if (kernels < k_group_kernels || width < 32) {
                pack_tile(group, kernels, width, panel_bytes, out);
                continue;
            }
            for (size_t n = 0; n < 32; n += 8)
                for (size_t half = 0; half < 2; ++half)
                    transpose(group + n * 32 + half * 16,
                              out + n / 16 * panel_bytes + half * 8 * k_step_bytes + n % 16 * 4);
        }
    }
}

RB_TARGET void widen(const std::byte* bytes, size_t count, int16_t* out) {
    for (size_t i = 0; i < count; i += 16)
        _mm256_storeu_si256(
            reinterpret_cast<__m256i*>(out + i),
            _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + i))));
}

void multiply(const MacOperands& o) {
    multiply_panels(o, o.quads * k_steps_per_quad);
}

#undef RB_TARGET
#undef RB_OPERATION

}  // namespace

void add_avx2_variant(std::vector<MacInt8>& variants) {
    if (__builtin_cpu_supports("avx2"))
        variants.push_back({.name = "avx2",
                            .needs = Simd::Avx2,
                            .widens = true,
                            .offsets = false,
                            .packed_bytes = packed_bytes,
                            .pack = pack,
                            .multiply = multiply,
                            .widen = widen});
}

}  // namespace rosenblatt::emulator

#else

namespace rosenblatt::emulator {

void add_avx2_variant(std::vector<MacInt8>&) {}

}  // namespace rosenblatt::emulator

#endif
