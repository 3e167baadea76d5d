// SPDX-License-Identifier: MIT
// The tile loops with vector instructions, compiled once per set. Integer sums wrap, so any order
// gives the same bits; float steps follow reference::scaled_sum element by element.
#include "matmul/tile_kernels.hpp"

#include <algorithm>
#include <cstdint>

#include "matmul/checksum.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "matmul/tile_kernels.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace rosenblatt::matmul {
namespace HWY_NAMESPACE {
#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
namespace hn = hwy::HWY_NAMESPACE;

constexpr uint32_t k_atom = 4;      // columns of a row that stand together
constexpr uint32_t k_surfaces = 4;  // of a step: 16 columns, a cache line of Y
constexpr uint32_t k_step = k_surfaces * k_atom;

template <class D>
constexpr uint32_t k_rows_of = static_cast<uint32_t>(hn::MaxLanes(D())) / k_atom;

// Four values for each row that a vector holds.
template <class D>
HWY_INLINE hn::Vec<D> repeat(D d, const hn::TFromD<D>* four) {
    if constexpr (k_rows_of<D> == 1) return hn::LoadU(d, four);
    else return hn::LoadDup128(d, four);
}

// Surfaces are far apart, which no hardware prefetcher follows: each step asks for the next one's
// lines, evenly, because only so many can be on their way. Behind the last one this does no harm.
template <size_t surfaces>
HWY_INLINE void prefetch_next(const int32_t* at, size_t surface, uint32_t row) {
    constexpr uint32_t rows_per_line = 4;
    if (surfaces == 1 || row % rows_per_line != 0) return;
    for (size_t s = 0; s < surfaces; ++s) hwy::Prefetch(at + (surfaces + s) * surface);
}

#if HWY_TARGET <= HWY_AVX3
// Quarter r of the four vectors becomes row r.
template <size_t surfaces, class V>
HWY_INLINE void store_four_rows(const V* v, float* const* y, uint32_t n, bool past_cache) {
    if constexpr (surfaces == 1) {
        float rows[16];
        _mm512_storeu_ps(rows, v[0].raw);
        for (size_t r = 0; r < 4; ++r) _mm_storeu_ps(y[r] + n, _mm_loadu_ps(rows + r * 4));
    } else {
        const __m512 low01 = _mm512_shuffle_f32x4(v[0].raw, v[1].raw, 0x44);
        const __m512 low23 = _mm512_shuffle_f32x4(v[2].raw, v[3].raw, 0x44);
        const __m512 high01 = _mm512_shuffle_f32x4(v[0].raw, v[1].raw, 0xee);
        const __m512 high23 = _mm512_shuffle_f32x4(v[2].raw, v[3].raw, 0xee);
        const __m512 rows[] = {_mm512_shuffle_f32x4(low01, low23, 0x88),
                               _mm512_shuffle_f32x4(low01, low23, 0xdd),
                               _mm512_shuffle_f32x4(high01, high23, 0x88),
                               _mm512_shuffle_f32x4(high01, high23, 0xdd)};
        for (size_t r = 0; r < 4; ++r)
            past_cache ? _mm512_stream_ps(y[r] + n, rows[r]) : _mm512_storeu_ps(y[r] + n, rows[r]);
    }
}
#endif

// Rows `row`.. of four surfaces, as Y has them: a line of 16 floats per row.
template <class DF, size_t surfaces>
HWY_INLINE void store(DF df, const hn::Vec<DF>* v, float* const* y, uint32_t n, bool past_cache) {
    const hn::Full128<float> d4;
    if constexpr (k_rows_of<DF> == 1) {
        for (size_t s = 0; s < surfaces; ++s) hn::StoreU(v[s], d4, y[0] + n + s * k_atom);
#if HWY_TARGET <= HWY_AVX3
    } else if constexpr (k_rows_of<DF> == 4) {
        store_four_rows<surfaces>(v, y, n, past_cache);
#endif
    } else if constexpr (surfaces == 1) {
        hn::StoreU(hn::LowerHalf(d4, v[0]), d4, y[0] + n);
        hn::StoreU(hn::UpperHalf(d4, v[0]), d4, y[1] + n);
    } else {
        for (size_t s = 0; s < surfaces; s += 2) {
            const auto first = hn::ConcatLowerLower(df, v[s + 1], v[s]);
            const auto second = hn::ConcatUpperUpper(df, v[s + 1], v[s]);
            float* const a = y[0] + n + s * k_atom;
            float* const b = y[1] + n + s * k_atom;
            if (past_cache) {
                hn::Stream(first, df, a);
                hn::Stream(second, df, b);
            } else {
                hn::StoreU(first, df, a);
                hn::StoreU(second, df, b);
            }
        }
    }
}

// Where results go: rows of Y, the column in them, and the scales of that column and the next.
struct Place {
    float* const* y;
    uint32_t column;
    const float* column_scales;
};

// `surfaces` * 4 columns from n on, of the rows from `row` on that a vector holds.
template <class DF, size_t surfaces>
HWY_INLINE void scale_step(DF df, const Strip& strip, uint32_t row, uint32_t n, const Place& to,
                           bool past_cache) {
    const hn::RebindToSigned<DF> di;
    const hn::RebindToUnsigned<DF> du;
    using VI = hn::Vec<decltype(di)>;
    using VF = hn::Vec<DF>;
    const size_t at = n / k_atom * strip.surface + size_t{row} * k_atom;
    VF sum[surfaces];
    for (size_t s = 0; s < surfaces; ++s) sum[s] = hn::Zero(df);
    const StripPart* part = strip.parts.data();
    const StripPart* const end = part + strip.parts.size();
    while (part != end) {
        const uint32_t slice = part->slice;
        VI total[surfaces];
        for (size_t s = 0; s < surfaces; ++s) total[s] = hn::Zero(di);
        for (; part != end && part->slice == slice; ++part) {
            VI c[surfaces];
            prefetch_next<surfaces>(part->cube + at, strip.surface, row);
            for (size_t s = 0; s < surfaces; ++s) {
                c[s] = hn::LoadU(di, part->cube + at + s * strip.surface);
                total[s] = hn::Add(total[s], c[s]);
            }
            if (!part->sums) continue;
            auto weighted = hn::LoadU(du, part->sums + size_t{row} * k_atom);
            for (size_t s = 0; s < surfaces; ++s)
                weighted = hn::Add(
                    weighted, hn::Mul(hn::BitCast(du, c[s]),
                                      repeat(du, part->column_weights + n + s * k_atom)));
            hn::StoreU(weighted, du, part->sums + size_t{row} * k_atom);
        }
        const VF row_scale =
            hn::LoadU(df, strip.row_scales + (size_t{slice} * strip.rows + row) * k_atom);
        for (size_t s = 0; s < surfaces; ++s)
            sum[s] = hn::Add(sum[s], hn::Mul(hn::ConvertTo(df, total[s]), row_scale));
    }
    for (size_t s = 0; s < surfaces; ++s)
        sum[s] = hn::Mul(sum[s], repeat(df, to.column_scales + s * k_atom));
    store<DF, surfaces>(df, sum, to.y, to.column, past_cache);
}

// The last one to three columns: four are computed, the real ones stored.
template <class DF>
HWY_INLINE void scale_tail(DF df, const Strip& strip, uint32_t row, uint32_t n, float* const* y) {
    float four[2][k_atom];
    float scales[k_atom] = {};
    const uint32_t real = strip.columns - n;
    std::copy_n(strip.column_scales + n, real, scales);
    float* const rows[2] = {four[0], four[1]};
    scale_step<DF, 1>(df, strip, row, n, {rows, 0, scales}, false);
    for (uint32_t i = 0; i < k_rows_of<DF>; ++i) std::copy_n(four[i], real, y[i] + n);
}

bool is_aligned(float* const* y, uint32_t rows) {
    for (uint32_t i = 0; i < rows; ++i)
        if (reinterpret_cast<uintptr_t>(y[i]) % HWY_MIN(HWY_LANES(uint8_t), 64) != 0) return false;
    return true;
}

// The same where one tile holds the whole sum; scales and weights of the columns stay in registers.
template <class DF, size_t surfaces, bool with_sums>
HWY_INLINE uint32_t scale_one_part(DF df, const Strip& strip, uint32_t row, uint32_t n,
                                   float* const* y, bool past_cache) {
    const hn::RebindToSigned<DF> di;
    const hn::RebindToUnsigned<DF> du;
    const StripPart& part = strip.parts.front();
    hn::Vec<DF> column_scale[surfaces];
    hn::Vec<decltype(du)> r[surfaces];
    for (size_t s = 0; s < surfaces; ++s) {
        column_scale[s] = repeat(df, strip.column_scales + n + s * k_atom);
        if constexpr (with_sums) r[s] = repeat(du, part.column_weights + n + s * k_atom);
    }
    const int32_t* cube = part.cube + n / k_atom * strip.surface;
    const float* row_scales = strip.row_scales + size_t{part.slice} * strip.rows * k_atom;
    for (; row + k_rows_of<DF> <= strip.rows; row += k_rows_of<DF>) {
        const size_t at = size_t{row} * k_atom;
        const auto row_scale = hn::LoadU(df, row_scales + at);
        prefetch_next<surfaces>(cube + at, strip.surface, row);
        hn::Vec<DF> out[surfaces];
        auto weighted = hn::Zero(du);
        for (size_t s = 0; s < surfaces; ++s) {
            const auto c = hn::LoadU(di, cube + s * strip.surface + at);
            const auto sum =
                hn::Add(hn::Zero(df), hn::Mul(hn::ConvertTo(df, c), row_scale));
            out[s] = hn::Mul(sum, column_scale[s]);
            if constexpr (with_sums)
                weighted = hn::Add(weighted, hn::Mul(hn::BitCast(du, c), r[s]));
        }
        if constexpr (with_sums)
            hn::StoreU(hn::Add(hn::LoadU(du, part.sums + at), weighted), du, part.sums + at);
        store<DF, surfaces>(df, out, y + row, n, past_cache);
    }
    return row;
}

template <size_t surfaces, bool with_sums>
HWY_INLINE void scale_columns_of_one(const Strip& strip, uint32_t n, float* const* y,
                                     bool past_cache) {
    const hn::CappedTag<float, 16> df;
    const hn::Full128<float> df4;
    const uint32_t row =
        scale_one_part<decltype(df), surfaces, with_sums>(df, strip, 0, n, y, past_cache);
    if (row < strip.rows)
        scale_one_part<decltype(df4), surfaces, with_sums>(df4, strip, row, n, y, false);
}

// Where every part is a slice of its own, tile by tile: reading from all of them in turn would be
// more streams than memory serves well. `so_far` holds 16 floats a row, whatever they are before
// the first slice.
template <class DF, bool with_sums, bool is_first>
HWY_INLINE uint32_t add_slice(DF df, const Strip& strip, const StripPart& part, uint32_t row,
                              uint32_t n, float* so_far) {
    const hn::RebindToSigned<DF> di;
    const hn::RebindToUnsigned<DF> du;
    hn::Vec<decltype(du)> r[k_surfaces];
    for (size_t s = 0; with_sums && s < k_surfaces; ++s)
        r[s] = repeat(du, part.column_weights + n + s * k_atom);
    const int32_t* cube = part.cube + n / k_atom * strip.surface;
    const float* row_scales = strip.row_scales + size_t{part.slice} * strip.rows * k_atom;
    for (; row + k_rows_of<DF> <= strip.rows; row += k_rows_of<DF>) {
        const size_t at = size_t{row} * k_atom;
        const auto row_scale = hn::LoadU(df, row_scales + at);
        prefetch_next<k_surfaces>(cube + at, strip.surface, row);
        auto weighted = hn::Zero(du);
        for (size_t s = 0; s < k_surfaces; ++s) {
            const auto c = hn::LoadU(di, cube + s * strip.surface + at);
            float* const sum = so_far + at * k_surfaces + s * hn::MaxLanes(df);
            const auto before = is_first ? hn::Zero(df) : hn::LoadU(df, sum);
            hn::StoreU(hn::Add(before, hn::Mul(hn::ConvertTo(df, c), row_scale)), df, sum);
            if constexpr (with_sums)
                weighted = hn::Add(weighted, hn::Mul(hn::BitCast(du, c), r[s]));
        }
        if constexpr (with_sums)
            hn::StoreU(hn::Add(hn::LoadU(du, part.sums + at), weighted), du, part.sums + at);
    }
    return row;
}

// Writes `steps` times 16 columns of each row at once: short pieces of lines far apart cost memory
// several times what whole ones do.
template <class DF>
HWY_INLINE uint32_t scale_sums(DF df, const Strip& strip, uint32_t row, uint32_t n, uint32_t steps,
                               const float* sums, float* const* y, bool past_cache) {
    for (; row + k_rows_of<DF> <= strip.rows; row += k_rows_of<DF>)
        for (uint32_t i = 0; i < steps; ++i) {
            const float* from = sums + (size_t{i} * strip.rows + row) * k_step;
            const uint32_t column = n + i * k_step;
            hn::Vec<DF> out[k_surfaces];
            for (size_t s = 0; s < k_surfaces; ++s)
                out[s] = hn::Mul(hn::LoadU(df, from + s * hn::MaxLanes(df)),
                                 repeat(df, strip.column_scales + column + s * k_atom));
            store<DF, k_surfaces>(df, out, y + row, column, past_cache);
        }
    return row;
}

constexpr uint32_t k_rows_most = 32;  // that scale_slices takes: as many as unpack.cpp gives it
constexpr uint32_t k_steps_most = 8;

template <bool with_sums, bool is_first>
HWY_INLINE void add_slice_of_all_rows(const Strip& strip, const StripPart& part, uint32_t n,
                                      float* so_far) {
    const hn::CappedTag<float, 16> df;
    const hn::Full128<float> df4;
    const uint32_t row =
        add_slice<decltype(df), with_sums, is_first>(df, strip, part, 0, n, so_far);
    if (row < strip.rows)
        add_slice<decltype(df4), with_sums, is_first>(df4, strip, part, row, n, so_far);
}

template <bool with_sums>
HWY_INLINE void scale_slices(const Strip& strip, uint32_t n, uint32_t steps, float* const* y,
                             bool past_cache) {
    const hn::CappedTag<float, 16> df;
    const hn::Full128<float> df4;
    alignas(64) float sums[k_steps_most * k_rows_most * k_step];
    for (uint32_t i = 0; i < steps; ++i) {
        float* const of_step = sums + size_t{i} * strip.rows * k_step;
        const uint32_t column = n + i * k_step;
        add_slice_of_all_rows<with_sums, true>(strip, strip.parts.front(), column, of_step);
        for (const StripPart& part : strip.parts.subspan(1))
            add_slice_of_all_rows<with_sums, false>(strip, part, column, of_step);
    }
    const uint32_t row = scale_sums(df, strip, 0, n, steps, sums, y, past_cache);
    if (row < strip.rows) scale_sums(df4, strip, row, n, steps, sums, y, false);
}

bool slices_differ(const Strip& strip) {
    if (strip.rows > k_rows_most) return false;
    for (size_t p = 1; p < strip.parts.size(); ++p)
        if (strip.parts[p].slice == strip.parts[p - 1].slice) return false;
    return true;
}

template <size_t surfaces>
HWY_INLINE void scale_columns(const Strip& strip, uint32_t n, float* const* y, bool past_cache) {
    const hn::CappedTag<float, 16> df;
    const hn::Full128<float> df4;
    constexpr uint32_t at_once = k_rows_of<decltype(df)>;
    if (strip.parts.size() == 1) {
        if (strip.parts.front().sums)
            scale_columns_of_one<surfaces, true>(strip, n, y, past_cache);
        else
            scale_columns_of_one<surfaces, false>(strip, n, y, past_cache);
        return;
    }
    uint32_t row = 0;
    for (; row + at_once <= strip.rows; row += at_once)
        scale_step<decltype(df), surfaces>(df, strip, row, n,
                                           {y + row, n, strip.column_scales + n}, past_cache);
    for (; row < strip.rows; ++row)
        scale_step<decltype(df4), surfaces>(df4, strip, row, n,
                                            {y + row, n, strip.column_scales + n}, false);
}

void scale(const Strip& strip, float* const* y) {
    const bool past_cache = strip.past_cache && is_aligned(y, strip.rows);
    const bool by_slices = strip.parts.size() > 1 && slices_differ(strip);
    const bool with_sums = strip.parts.front().sums != nullptr;
    uint32_t n = 0;
    while (by_slices && n + k_step <= strip.columns) {
        const uint32_t steps = HWY_MIN((strip.columns - n) / k_step, k_steps_most);
        with_sums ? scale_slices<true>(strip, n, steps, y, past_cache)
                  : scale_slices<false>(strip, n, steps, y, past_cache);
        n += steps * k_step;
    }
    for (; n + k_step <= strip.columns; n += k_step)
        scale_columns<k_surfaces>(strip, n, y, past_cache);
    for (; n + k_atom <= strip.columns; n += k_atom) scale_columns<1>(strip, n, y, false);
    const hn::Full128<float> df4;
    for (uint32_t row = 0; n < strip.columns && row < strip.rows; ++row)
        scale_tail(df4, strip, row, n, y + row);
}

#include "matmul/checksum_kernels.inc.hpp"

// One surface's atoms of some rows. `past_cache`: whole lines, at a line's address.
HWY_INLINE void write_atoms(const int8_t* from, size_t stride, uint32_t rows, bool past_cache,
                            int8_t* to) {
    constexpr size_t atom = 16;
    const hn::Full128<int8_t> d;
    uint32_t row = 0;
#if HWY_TARGET <= HWY_AVX2
    const hn::Full256<int8_t> d2;
    for (; past_cache && row + 2 <= rows; row += 2)
        hn::Stream(hn::Combine(d2, hn::LoadU(d, from + (row + 1) * stride),
                               hn::LoadU(d, from + row * stride)),
                   d2, to + row * atom);
#endif
    for (; past_cache && row < rows; ++row)
        hn::Stream(hn::LoadU(d, from + row * stride), d, to + row * atom);
    for (; row < rows; ++row) hn::StoreU(hn::LoadU(d, from + row * stride), d, to + row * atom);
}

// Whole lines of 64 bytes go past the cache: the NPU reads them from memory.
void write_features(const int8_t* codes, size_t stride, uint32_t rows, uint32_t k, uint32_t first,
                    uint32_t height, int8_t* cube) {
    constexpr size_t atom = 16, line = 64;
    const bool past_cache = rows % 4 == 0 && first % 4 == 0 && height % 4 == 0 &&
                            reinterpret_cast<uintptr_t>(cube) % line == 0;
    for (size_t at = 0; at < k; at += atom)
        write_atoms(codes + at, stride, rows, past_cache, cube + at * height + first * atom);
}

constexpr TileKernels k_kernels{scale, weighted_sums, group_sum, add_kernel, write_features};

#endif  // not SCALAR or EMU128
}  // namespace HWY_NAMESPACE
}  // namespace rosenblatt::matmul
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rosenblatt::matmul {

const TileKernels& tile_kernels(Simd simd) {
    switch (simd) {
#if HWY_TARGETS & HWY_AVX3
        case Simd::Avx512:
            return N_AVX3::k_kernels;
#endif
#if HWY_TARGETS & HWY_AVX2
        case Simd::Avx2:
            return N_AVX2::k_kernels;
#endif
#if HWY_TARGETS & HWY_SSE4
        case Simd::Sse4:
            return N_SSE4::k_kernels;
#endif
#if HWY_ARCH_ARM_A64
        case Simd::Neon:
            return HWY_NAMESPACE::k_kernels;
#endif
        default:
            return plain_tile_kernels();
    }
}

void finish_writes() {
    hwy::FlushStream();
}

}  // namespace rosenblatt::matmul
#endif  // HWY_ONCE
