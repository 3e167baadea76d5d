// SPDX-License-Identifier: MIT
// The checksum's loops with vector instructions. Included by tile_kernels.cpp inside its namespace,
// once per instruction set: it has no #pragma once.

// One vector's rows of all columns.
template <class DU>
HWY_INLINE void weigh_rows(DU du, const int32_t* cube, size_t surface, uint32_t n,
                           const uint32_t* column_weights, uint32_t* sums) {
    auto sum = hn::LoadU(du, sums);
    for (uint32_t column = 0; column < n; column += k_atom, cube += surface)
        sum = hn::Add(sum, hn::Mul(hn::LoadU(du, reinterpret_cast<const uint32_t*>(cube)),
                                   repeat(du, column_weights + column)));
    hn::StoreU(sum, du, sums);
}

// In steps of columns, so that a line of the cube is used up while it is at hand.
void weighted_sums(const int32_t* cube, size_t surface, uint32_t rows, uint32_t n,
                   const uint32_t* column_weights, uint32_t* sums) {
    constexpr uint32_t step = 2 * k_surfaces * k_atom;
    const hn::CappedTag<uint32_t, 16> du;
    const hn::Full128<uint32_t> du4;
    constexpr uint32_t at_once = k_rows_of<decltype(du)>;
    for (uint32_t column = 0; column < n; column += step) {
        const uint32_t columns = std::min(step, n - column);
        const int32_t* from = cube + column / k_atom * surface;
        if (column + 2 * step <= n)
            for (uint32_t s = 0; s < step / k_atom; ++s)
                for (uint32_t row = 0; row < rows; row += 4)
                    hwy::Prefetch(from + (step / k_atom + s) * surface + size_t{row} * k_atom);
        uint32_t row = 0;
        for (; row + at_once <= rows; row += at_once)
            weigh_rows(du, from + size_t{row} * k_atom, surface, columns, column_weights + column,
                       sums + size_t{row} * k_atom);
        for (; row < rows; ++row)
            weigh_rows(du4, from + size_t{row} * k_atom, surface, columns,
                       column_weights + column, sums + size_t{row} * k_atom);
    }
}

// Codes of a row that are taken at once, and the 16-bit words they become in two vectors.
constexpr size_t k_codes = HWY_TARGET <= HWY_AVX2 ? 32 : 16;
using D16 = hn::CappedTag<int16_t, k_codes / 2>;
using V16 = hn::Vec<D16>;

#if HWY_TARGET <= HWY_AVX2
HWY_INLINE __m256i sums_of_pairs(__m256i weights, __m256i codes) {
    return _mm256_maddubs_epi16(weights, codes);
}
#elif HWY_ARCH_X86
HWY_INLINE __m128i sums_of_pairs(__m128i weights, __m128i codes) {
    return _mm_maddubs_epi16(weights, codes);
}
#endif

// half = weight_a * a + weight_b * b. The elements of each half are those of words_of_u.
HWY_INLINE void add_weighted(const int8_t* a, const int8_t* b, uint32_t weight_a, uint32_t weight_b,
                             V16* half) {
    const D16 d16;
#if HWY_ARCH_X86
    const hn::CappedTag<int8_t, k_codes> d8;
    const auto va = hn::LoadU(d8, a), vb = hn::LoadU(d8, b);
    const auto weights = hn::Set(d16, static_cast<int16_t>(weight_a | weight_b << 8)).raw;
    half[0] = V16{sums_of_pairs(weights, hn::InterleaveLower(d8, va, vb).raw)};
    half[1] = V16{sums_of_pairs(weights, hn::InterleaveUpper(d8, va, vb).raw)};
#else
    const hn::Rebind<int8_t, D16> d8;
    for (size_t i = 0; i < 2; ++i) {
        const auto wide_a = hn::PromoteTo(d16, hn::LoadU(d8, a + i * k_codes / 2));
        const auto wide_b = hn::PromoteTo(d16, hn::LoadU(d8, b + i * k_codes / 2));
        half[i] = hn::Add(hn::Mul(wide_a, hn::Set(d16, static_cast<int16_t>(weight_a))),
                          hn::Mul(wide_b, hn::Set(d16, static_cast<int16_t>(weight_b))));
    }
#endif
}

HWY_INLINE V16 words_of_u(const int16_t* u, size_t half) {
    const D16 d;
#if HWY_TARGET <= HWY_AVX2
    // Interleaving works within 128-bit blocks: codes 0-7 and 16-23, 8-15 and 24-31.
    const auto first = hn::LoadU(d, u), second = hn::LoadU(d, u + k_codes / 2);
    return half == 0 ? hn::ConcatLowerLower(d, second, first)
                     : hn::ConcatUpperUpper(d, second, first);
#else
    return hn::LoadU(d, u + half * k_codes / 2);
#endif
}

// The rows' codes are added up before they meet u: at most 127 * (1 + 3 + 5 + 7).
uint32_t group_sum(const int8_t* codes, size_t stride, const int16_t* halves, uint32_t k) {
    static_assert(k_group_rows == 4);
    const hn::RepartitionToWide<D16> d32;
    // low0 and low1 add up to the sum: an instruction set may use one or both.
    auto low0 = hn::Zero(d32), low1 = low0, high0 = low0, high1 = low0;
    for (uint32_t i = 0; i < k; i += k_codes) {
        const int8_t* at = codes + i;
        V16 first[2], second[2];
        add_weighted(at, at + stride, row_weight(0), row_weight(1), first);
        add_weighted(at + 2 * stride, at + 3 * stride, row_weight(2), row_weight(3), second);
#pragma GCC unroll 2
        for (size_t half = 0; half < 2; ++half) {
            const auto c = hn::Add(first[half], second[half]);
            low0 = hn::ReorderWidenMulAccumulate(d32, c, words_of_u(halves + i, half), low0, low1);
            high0 = hn::ReorderWidenMulAccumulate(d32, c, words_of_u(halves + k + i, half), high0,
                                                  high1);
        }
    }
    const auto sum =
        hn::Add(hn::Add(low0, low1), hn::ShiftLeft<16>(hn::Add(high0, high1)));
    return static_cast<uint32_t>(hn::GetLane(hn::SumOfLanes(d32, sum)));
}

void add_kernel(uint32_t r, const int8_t* codes, int64_t k, uint32_t* u) {
    const hn::CappedTag<int32_t, 16> d;
    const hn::RebindToUnsigned<decltype(d)> du;
    const hn::Rebind<int8_t, decltype(d)> d8;
    const auto factor = hn::Set(d, static_cast<int32_t>(r));
    for (int64_t i = 0; i < k; i += static_cast<int64_t>(hn::Lanes(d))) {
        const auto product = hn::Mul(hn::PromoteTo(d, hn::LoadU(d8, codes + i)), factor);
        hn::StoreU(hn::Add(hn::LoadU(du, u + i), hn::BitCast(du, product)), du, u + i);
    }
}
