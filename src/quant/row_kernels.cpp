// SPDX-License-Identifier: MIT
// quantise_row with vector instructions, compiled once per set. Bits equal the plain form's: the
// butterflies add the same pairs in the same order, the rest is element by element or a maximum.
// A row is read once; between the transform and the codes it stays in the first-level cache.
#include "quant/row_kernels.hpp"

#include <cstring>

#include "quant/hadamard.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/row_kernels.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace rosenblatt::quant {
namespace HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
namespace hn = hwy::HWY_NAMESPACE;

using DF = hn::ScalableTag<float>;
using DU = hn::RebindToUnsigned<DF>;
using DI = hn::RebindToSigned<DF>;
using VF = hn::Vec<DF>;
using VU = hn::Vec<DU>;
using VI = hn::Vec<DI>;
constexpr size_t k_lanes = HWY_LANES(float);
constexpr size_t k_word = 32;  // floats that one sign word covers, and what K is padded to
// Floats transformed in registers. AVX-512 has twice as many, of twice the length: all of the
// blocks of K = 8960.
constexpr size_t k_chunk = HWY_TARGET <= HWY_AVX3 ? 256 : 64;

HWY_INLINE VI magnitude(VF v) {
    return hn::BitCast(DI(), hn::Abs(v));
}

HWY_INLINE uint32_t largest_lane(VI v) {
    return static_cast<uint32_t>(hn::GetLane(hn::MaxOfLanes(DI(), v)));
}

#if HWY_TARGET > HWY_AVX3
// The sign bits of a vector for each value of the bits of a sign word that it takes.
struct SignTable {
    alignas(32) uint32_t signs[size_t{1} << k_lanes][k_lanes];
};
constexpr SignTable sign_table() {
    SignTable table{};
    for (uint32_t bits = 0; bits < uint32_t{1} << k_lanes; ++bits)
        for (size_t lane = 0; lane < k_lanes; ++lane)
            table.signs[bits][lane] = (bits >> lane & 1) << 31;
    return table;
}
constexpr SignTable k_flips = sign_table();
#endif

// The sign flips of the 32 floats a word covers, vector by vector: bit i of the word becomes the
// sign bit of element i.
HWY_INLINE VF flip(VF v, uint32_t word, size_t vector) {
#if HWY_TARGET <= HWY_AVX3
    const auto flipped = static_cast<__mmask16>(word >> (vector * k_lanes));
    return VF{_mm512_mask_xor_ps(v.raw, flipped, v.raw, _mm512_set1_ps(-0.0F))};
#else
    const size_t bits = word >> (vector * k_lanes) & ((size_t{1} << k_lanes) - 1);
    const VU signs = hn::Load(DU(), k_flips.signs[bits]);
    return hn::Xor(v, hn::BitCast(DF(), signs));
#endif
}

// 1 in the lower lane of each pair `stride` apart, -1 in the upper one.
template <size_t stride>
HWY_INLINE VF side() {
    const DU d;
    const VU upper = hn::ShiftLeft<31>(hn::ShiftRight<(stride == 1   ? 0
                                                       : stride == 2 ? 1
                                                       : stride == 4 ? 2
                                                                     : 3)>(hn::Iota(d, 0)));
    return hn::BitCast(
        DF(), hn::Or(hn::BitCast(d, hn::Set(DF(), 1.0F)), hn::And(upper, hn::Set(d, 0x80000000u))));
}

// Butterflies between lanes `stride` apart: the lower one becomes a + b, the upper one a - b. A
// product with 1 or -1 is exact, so a fused multiply-add rounds as the addition does.
template <size_t stride>
HWY_INLINE VF within(VF v) {
    if constexpr (stride == 1) return hn::MulAdd(v, side<stride>(), hn::Shuffle2301(v));
    if constexpr (stride == 2) return hn::MulAdd(v, side<stride>(), hn::Shuffle1032(v));
#if HWY_TARGET <= HWY_AVX2
    if constexpr (stride == 4) return hn::MulAdd(v, side<stride>(), hn::SwapAdjacentBlocks(v));
#endif
#if HWY_TARGET <= HWY_AVX3
    if constexpr (stride == 8)
        return hn::MulAdd(v, side<stride>(), VF{_mm512_shuffle_f32x4(v.raw, v.raw, 0x4e)});
#endif
    return v;
}

HWY_INLINE void butterfly(VF& a, VF& b) {
    const VF sum = hn::Add(a, b);
    b = hn::Sub(a, b);
    a = sum;
}

// Strides 1 .. size/2 of `size` consecutive floats, all in registers. `last`: no further ones
// follow, and the largest magnitudes are wanted.
template <size_t size, bool last>
HWY_INLINE VI first_strides(const float* x, const uint32_t* words_of_signs, float* out) {
    constexpr size_t n = size / k_lanes;
    constexpr size_t per_word = k_word / k_lanes;
    VF v[n];
#pragma GCC unroll 16
    for (size_t i = 0; i < n; ++i) {
        v[i] = hn::LoadU(DF(), x + i * k_lanes);
        v[i] = within<1>(flip(v[i], words_of_signs[i / per_word], i % per_word));
        v[i] = within<2>(v[i]);
        if constexpr (k_lanes >= 8) v[i] = within<4>(v[i]);
        if constexpr (k_lanes >= 16) v[i] = within<8>(v[i]);
    }
#pragma GCC unroll 5
    for (size_t stride = 1; stride < n; stride *= 2)
#pragma GCC unroll 16
        for (size_t i = 0; i < n; ++i)
            if ((i & stride) == 0) butterfly(v[i], v[i + stride]);
    VI most = hn::Zero(DI());
#pragma GCC unroll 16
    for (size_t i = 0; i < n; ++i) {
        hn::StoreU(v[i], DF(), out + i * k_lanes);
        if constexpr (last) most = hn::Max(most, magnitude(v[i]));
    }
    return most;
}

// log2(radix) further strides from `stride` on, of a block that is in the cache. Gives the largest
// magnitudes.
template <size_t radix>
HWY_INLINE VI more_strides(float* block, size_t size, size_t stride) {
    VI most = hn::Zero(DI());
    for (size_t group = 0; group < size; group += radix * stride) {
        for (size_t at = group; at < group + stride; at += k_lanes) {
            VF v[radix];
#pragma GCC unroll 8
            for (size_t r = 0; r < radix; ++r) v[r] = hn::LoadU(DF(), block + at + r * stride);
#pragma GCC unroll 3
            for (size_t s = 1; s < radix; s *= 2)
#pragma GCC unroll 8
                for (size_t r = 0; r < radix; ++r)
                    if ((r & s) == 0) butterfly(v[r], v[r + s]);
#pragma GCC unroll 8
            for (size_t r = 0; r < radix; ++r) {
                most = hn::Max(most, magnitude(v[r]));
                hn::StoreU(v[r], DF(), block + at + r * stride);
            }
        }
    }
    return most;
}

// The strides of a block beyond its chunks. The last pass gives the largest magnitude.
HWY_INLINE VI finish_block(float* block, size_t size, VI of_chunks) {
    VI most = of_chunks;
    size_t stride = k_chunk;
    while (stride < size) {
        const size_t left = size / stride;
        // 8 where possible; what is left over never ends in a lone pass of 2 after one of 8.
        if (left >= 8 && left != 16) {
            most = more_strides<8>(block, size, stride);
            stride *= 8;
        } else if (left >= 4) {
            most = more_strides<4>(block, size, stride);
            stride *= 4;
        } else {
            most = more_strides<2>(block, size, stride);
            stride *= 2;
        }
    }
    return most;
}

HWY_INLINE uint32_t largest_of(const float* v, size_t n) {
    VI most = hn::Zero(DI());
    for (size_t i = 0; i < n; i += k_lanes) most = hn::Max(most, magnitude(hn::LoadU(DF(), v + i)));
    return largest_lane(most);
}

// Half to even: x86's conversion in IEEE's default mode, or by adding 1.5 * 2^23, which leaves the
// code in the low mantissa bits.
HWY_INLINE VI code(const float* v, VF inverse) {
    const VF scaled = hn::Mul(hn::LoadU(DF(), v), inverse);
#if HWY_TARGET <= HWY_AVX3
    return VI{_mm512_cvtps_epi32(scaled.raw)};
#elif HWY_TARGET <= HWY_AVX2
    return VI{_mm256_cvtps_epi32(scaled.raw)};
#else
    const VF rounded = hn::Add(scaled, hn::Set(DF(), 12582912.0F));
    return hn::Sub(hn::BitCast(DI(), rounded), hn::Set(DI(), 0x4b400000));
#endif
}

// n is a multiple of 32.
HWY_INLINE float quantise_slice(const float* v, size_t n, float largest, float most,
                                int8_t* codes) {
    if (largest < k_row_min * 0x1p-30F) {
        std::memset(codes, 0, n);
        return 0.0F;
    }
    const VF inverse = hn::Set(DF(), most / largest);
    for (size_t i = 0; i < n; i += k_word) {
#if HWY_TARGET <= HWY_AVX3
        for (size_t half = 0; half < k_word; half += k_lanes)
            _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + i + half),
                             _mm512_cvtsepi32_epi8(code(v + i + half, inverse).raw));
#elif HWY_TARGET <= HWY_AVX2
        const __m256i low =
            _mm256_packs_epi32(code(v + i, inverse).raw, code(v + i + 8, inverse).raw);
        const __m256i high =
            _mm256_packs_epi32(code(v + i + 16, inverse).raw, code(v + i + 24, inverse).raw);
        // Packing works within 128-bit halves: groups of four codes come out of order.
        const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes + i),
                            _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high), order));
#else
        const hn::Full128<int16_t> d16;
        const hn::Full64<int8_t> d8;
        for (size_t half = 0; half < k_word; half += 8) {
            const auto both = hn::ReorderDemote2To(d16, code(v + i + half, inverse),
                                                   code(v + i + half + 4, inverse));
            hn::StoreU(hn::DemoteTo(d8, both), d8, codes + i + half);
        }
#endif
    }
    return largest;
}

// Strides within a chunk of a block of `block` floats.
HWY_INLINE VI transform_chunk(size_t block, const float* x, const uint32_t* signs, float* out) {
    if (block > k_chunk) return first_strides<k_chunk, false>(x, signs, out);
    if (block == k_chunk) return first_strides<k_chunk, true>(x, signs, out);
    if (block == 128) return first_strides<HWY_MIN(k_chunk, 128), true>(x, signs, out);
    if (block == 64) return first_strides<64, true>(x, signs, out);
    return first_strides<k_word, true>(x, signs, out);
}

// Rows mostly stand one behind the other, and memory should not rest while a row is transformed:
// a few lines with each chunk, because only so many can be on their way. Addresses beyond X do no
// harm.
constexpr size_t k_ahead = 1024;  // floats
HWY_INLINE void prefetch(const float* x, size_t count) {
    constexpr size_t line = 16;
    for (size_t i = 0; i < count; i += line) hwy::Prefetch(x + i);
}

// Transforms one block to `out`; gives the largest magnitude. The last words of a row that is not
// padded come by way of `padded`.
HWY_INLINE VI transform_block(const RowFormat& f, const float* x, int64_t at, float* out) {
    const auto block = static_cast<size_t>(f.block);
    const size_t chunk = HWY_MIN(block, k_chunk);
    VI most = hn::Zero(DI());
    for (size_t i = 0; i < block; i += chunk) {
        const int64_t first = at + static_cast<int64_t>(i);
        const float* from = x + first;
        prefetch(from + k_ahead, chunk);
        float padded[k_chunk];
        if (first + static_cast<int64_t>(chunk) > f.k) {
            const int64_t real = HWY_MAX(f.k - first, int64_t{0});
            std::memset(padded, 0, sizeof padded);
            std::memcpy(padded, from, static_cast<size_t>(real) * sizeof(float));
            from = padded;
        }
        most = hn::Max(most, transform_chunk(block, from, sign_words(first / 32), out + i));
    }
    return finish_block(out, block, most);
}

// K of 65,536 in slices of 1,536; longer rows take the plain way.
constexpr int64_t k_slices_most = (k_sign_words_kept * 32 + k_slice_max - 1) / k_slice_max;

// Adds block [at, at + size), which stands at `rotated`, to the slices' maxima.
HWY_INLINE void note_block(const RowFormat& f, const float* rotated, int64_t at, VI most,
                           uint32_t* largest) {
    const int64_t end = at + f.block;
    const int64_t slice = at / f.slice_length;
    if (end <= f.slice_end(slice)) {
        largest[slice] = HWY_MAX(largest[slice], largest_lane(most));
        return;
    }
    for (int64_t begin = at; begin < end;) {
        const int64_t s = begin / f.slice_length;
        const int64_t stop = HWY_MIN(end, f.slice_end(s));
        const uint32_t part = largest_of(rotated + (begin - at), static_cast<size_t>(stop - begin));
        largest[s] = HWY_MAX(largest[s], part);
        begin = stop;
    }
}

HWY_INLINE float as_float(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// Not inlined: what it does once would stand in the loop over slices, as one scalar step of it.
HWY_NOINLINE void quantise_whole_slice(const RowFormat& f, int64_t s, const float* rotated,
                                       const uint32_t* largest, int8_t* codes, float* scales) {
    const int64_t begin = f.slice_begin(s);
    scales[s] = f.unit * quantise_slice(rotated, static_cast<size_t>(f.slice_end(s) - begin),
                                        as_float(largest[s]), f.most, codes + begin);
}

// Codes and scales of the slices that end in (from, to]; `rotated` holds the row from `from` on.
// Gives the end of the last one, or `from`.
HWY_INLINE int64_t quantise_ended(const RowFormat& f, int64_t from, int64_t to,
                                  const float* rotated, const uint32_t* largest, int8_t* codes,
                                  float* scales) {
    int64_t begin = from;
    for (int64_t s = from / f.slice_length; s < f.slices() && f.slice_end(s) <= to; ++s) {
        quantise_whole_slice(f, s, rotated + (begin - from), largest, codes, scales);
        begin = f.slice_end(s);
    }
    return begin;
}

// A slice is quantised as soon as it is whole, and what follows it moves to the front of `scratch`:
// so the rotated row stays in the first-level cache however long it is.
HWY_INLINE void rotate_and_quantise(const RowFormat& f, const float* x, float* scratch,
                                    uint32_t* largest, int8_t* codes, float* scales) {
    int64_t front = 0;  // where in the row `scratch` begins
    for (int64_t at = 0; at < f.k_padded; at += f.block) {
        float* const rotated = scratch + (at - front);
        note_block(f, rotated, at, transform_block(f, x, at, rotated), largest);
        const int64_t end = at + f.block;
        const int64_t done = quantise_ended(f, front, end, scratch, largest, codes, scales);
        if (done == front) continue;
        std::memmove(scratch, scratch + (done - front),
                     static_cast<size_t>(end - done) * sizeof(float));
        front = done;
    }
}

HWY_INLINE void copy_padded(const RowFormat& f, const float* x, float* scratch, uint32_t* largest) {
    std::memcpy(scratch, x, static_cast<size_t>(f.k) * sizeof(float));
    std::memset(scratch + f.k, 0, static_cast<size_t>(f.k_padded - f.k) * sizeof(float));
    for (int64_t s = 0; s < f.slices(); ++s)
        largest[s] = largest_of(scratch + f.slice_begin(s),
                                static_cast<size_t>(f.slice_end(s) - f.slice_begin(s)));
}

RowCheck quantise_row(const RowFormat& f, bool one_scale, const float* x, float* scratch,
                      int8_t* codes, float* scales) {
    const int64_t slices = f.slices();
    if (f.k_padded > k_sign_words_kept * 32)
        return quantise_row_plain(f, one_scale, x, scratch, codes, scales);
    uint32_t largest[k_slices_most];
    for (int64_t s = 0; s < slices; ++s) largest[s] = 0;
    if (f.block == 1) copy_padded(f, x, scratch, largest);
    else if (!one_scale) rotate_and_quantise(f, x, scratch, largest, codes, scales);
    else
        for (int64_t at = 0; at < f.k_padded; at += f.block)
            note_block(f, scratch + at, at, transform_block(f, x, at, scratch + at), largest);
    uint32_t of_row = 0;
    for (int64_t s = 0; s < slices; ++s) of_row = HWY_MAX(of_row, largest[s]);
    if (!is_good_row(as_float(of_row))) return RowCheck::OutOfRange;
    if (one_scale)
        scales[0] = f.unit * quantise_slice(scratch, static_cast<size_t>(f.k_padded),
                                            as_float(of_row), f.most, codes);
    else if (f.block == 1)
        quantise_ended(f, 0, f.k_padded, scratch, largest, codes, scales);
    return RowCheck::Good;
}

#endif  // not SCALAR or EMU128
}  // namespace HWY_NAMESPACE
}  // namespace rosenblatt::quant
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rosenblatt::quant {

QuantiseRow quantise_row_kernel(Simd simd) {
    switch (simd) {
#if HWY_TARGETS & HWY_AVX3
        case Simd::Avx512:
            return N_AVX3::quantise_row;
#endif
#if HWY_TARGETS & HWY_AVX2
        case Simd::Avx2:
            return N_AVX2::quantise_row;
#endif
#if HWY_TARGETS & HWY_SSE4
        case Simd::Sse4:
            return N_SSE4::quantise_row;
#endif
#if HWY_ARCH_ARM_A64
        case Simd::Neon:
            return HWY_NAMESPACE::quantise_row;
#endif
        default:
            return quantise_row_plain;
    }
}

RowCheck quantise_row(const RowFormat& format, bool one_scale, const float* x, float* scratch,
                      int8_t* codes, float* scales) {
    static const QuantiseRow best = quantise_row_kernel();
    return best(format, one_scale, x, scratch, codes, scales);
}

}  // namespace rosenblatt::quant
#endif  // HWY_ONCE
