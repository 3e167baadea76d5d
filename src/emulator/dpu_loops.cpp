// SPDX-License-Identifier: MIT
// The loops, compiled for SSE2 or NEON and once more for AVX2. Nothing here may be contracted to
// fused operations or reassociated: the rounding is made by adding and subtracting a constant.
#include "emulator/dpu_loops.hpp"

#include <algorithm>
#include <cmath>

namespace rosenblatt::emulator {
namespace {

constexpr double k_least = -2147483648.0;
constexpr double k_greatest = 2147483647.0;
/// x + k_rounder - k_rounder is x rounded to an integer, half to even, for |x| < 2^51.
constexpr double k_rounder = 0x1.8p52;

[[gnu::always_inline]] inline int32_t saturated(double value, double low, double high) {
    return static_cast<int32_t>(std::min(std::max(value, low), high));
}

[[gnu::always_inline]] inline void add_row(int32_t* __restrict values,
                                           const int32_t* __restrict addends, size_t count) {
    for (size_t i = 0; i < count; ++i)
        values[i] =
            saturated(double{static_cast<double>(values[i])} + addends[i], k_least, k_greatest);
}

[[gnu::always_inline]] inline void add_product_row(int32_t* __restrict values, int32_t sum,
                                                   const int32_t* __restrict factors,
                                                   size_t count) {
    for (size_t i = 0; i < count; ++i)
        values[i] =
            saturated(values[i] + static_cast<double>(sum) * factors[i], k_least, k_greatest);
}

[[gnu::always_inline]] inline void add_products_row(int32_t* __restrict values,
                                                    const int32_t* __restrict sums,
                                                    const int32_t* __restrict factors,
                                                    size_t count) {
    for (size_t i = 0; i < count; ++i)
        values[i] =
            saturated(values[i] + static_cast<double>(sums[i]) * factors[i], k_least, k_greatest);
}

struct Conversion {
    double factor, offset, low, high;
};

[[gnu::always_inline]] inline void convert(int32_t* __restrict values, size_t count,
                                           const Conversion& c) {
    for (size_t i = 0; i < count; ++i) {
        const double rounded = (values[i] * c.factor + k_rounder) - k_rounder;
        values[i] = saturated(rounded + c.offset, c.low, c.high);
    }
}

struct Loops {
    void (*add_row)(int32_t*, const int32_t*, size_t);
    void (*add_product_row)(int32_t*, int32_t, const int32_t*, size_t);
    void (*add_products_row)(int32_t*, const int32_t*, const int32_t*, size_t);
    void (*convert)(int32_t*, size_t, const Conversion&);
};

#define RB_LOOPS(name, attribute)                                                                \
    attribute void name##_add_row(int32_t* v, const int32_t* a, size_t n) {                      \
        add_row(v, a, n);                                                                        \
    }                                                                                            \
    attribute void name##_add_product_row(int32_t* v, int32_t s, const int32_t* f, size_t n) {   \
        add_product_row(v, s, f, n);                                                             \
    }                                                                                            \
    attribute void name##_add_products_row(int32_t* v, const int32_t* s, const int32_t* f,       \
                                           size_t n) {                                           \
        add_products_row(v, s, f, n);                                                            \
    }                                                                                            \
    attribute void name##_convert(int32_t* v, size_t n, const Conversion& c) {                   \
        convert(v, n, c);                                                                        \
    }                                                                                            \
    constexpr Loops k_##name = {name##_add_row, name##_add_product_row, name##_add_products_row, \
                                name##_convert}

RB_LOOPS(portable, );
#if defined(__x86_64__)
RB_LOOPS(avx2, __attribute__((target("avx2"))));
#endif

const Loops& loops([[maybe_unused]] Simd most) {
#if defined(__x86_64__)
    if (most >= Simd::Avx2 && runs_here(Simd::Avx2)) return k_avx2;
#endif
    return k_portable;
}

}  // namespace

void add_per_channel(const TileValues& tile, const int32_t* addends, Simd most) {
    for (size_t p = 0; p < tile.pixels; ++p)
        loops(most).add_row(tile.values + p * tile.channels, addends, tile.channels);
}

void add_products(const TileValues& tile, const int32_t* sums, bool per_value,
                  const int32_t* factors, Simd most) {
    for (size_t p = 0; p < tile.pixels; ++p) {
        int32_t* values = tile.values + p * tile.channels;
        if (per_value)
            loops(most).add_products_row(values, sums + p * tile.channels, factors, tile.channels);
        else
            loops(most).add_product_row(values, sums[p], factors, tile.channels);
    }
}

void convert_half_even(std::span<int32_t> values, const npu::Requantise& cvt, int64_t low,
                       int64_t high, Simd most) {
    loops(most).convert(values.data(), values.size(),
                        {.factor = std::ldexp(cvt.scale, -static_cast<int>(cvt.shift)),
                         .offset = static_cast<double>(cvt.offset),
                         .low = static_cast<double>(low),
                         .high = static_cast<double>(high)});
}

}  // namespace rosenblatt::emulator
