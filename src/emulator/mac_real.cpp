// SPDX-License-Identifier: MIT
// MacReal. Compiled with contraction to fused multiply-adds: every product and sum here is exact,
// so fusing cannot change a bit.
#include "emulator/mac_real.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "emulator/elements.hpp"

namespace rosenblatt::emulator {
namespace {

constexpr uint8_t k_not_finite = 255;
constexpr size_t k_longest_run = 32;
constexpr size_t k_spreads = 1 + k_real_kernels;  ///< the worst, then every kernel's own

/// Widens elements exactly, without branches: this is where loading spends its time.
[[gnu::always_inline]] inline void widen(npu::Element element, const std::byte* bytes, size_t count,
                                         float* out) {
    for (size_t i = 0; i < count; ++i) {
        uint32_t bits = 0;
        if (element == npu::Element::Fp16) {
            const uint32_t half = load<uint16_t>(bytes + i * 2);
            const uint32_t magnitude = (half & 0x7fff) << 13;  // 2^-112 of the value
            const float scaled = std::bit_cast<float>(magnitude) * 0x1p112F;
            const uint32_t infinite = magnitude >= 0x0f800000 ? 0x7f800000 : 0;
            bits = std::bit_cast<uint32_t>(scaled) | infinite | (half & 0x8000) << 16;
        } else if (element == npu::Element::Bf16) {
            bits = static_cast<uint32_t>(load<uint16_t>(bytes + i * 2)) << 16;
        } else {
            bits = load<uint32_t>(bytes + i * 4) & 0xffffe000U;
        }
        out[i] = std::bit_cast<float>(bits);
    }
}

/// Binary places between the greatest and the least exponent of a run; zeros have none. Infinities,
/// NaN and fp32 subnormals (whose exponent does not show in their bits) count as not finite.
[[gnu::always_inline]] inline uint8_t spread_of(const float* values, size_t count) {
    uint32_t least = 255;
    uint32_t greatest = 0;
    for (size_t i = 0; i < count; ++i) {
        const uint32_t magnitude = std::bit_cast<uint32_t>(values[i]) & 0x7fffffff;
        const uint32_t exponent = magnitude >> 23;
        least = std::min(least, magnitude == 0 ? 255 : exponent);
        greatest = std::max(greatest, exponent);
    }
    if (greatest == 255 || least == 0) return k_not_finite;
    return static_cast<uint8_t>(greatest > least ? std::min(greatest - least, 254U) : 0);
}

/// A double has 53 bits. A product of two significands of `bits` bits takes 2 * bits, the sum of a
/// run log2(run) more; the rest may be spent on different exponents.
unsigned spread_limit(npu::Element element, size_t run) {
    const unsigned bits = element == npu::Element::Bf16 ? 8 : 11;
    return 53 - 2 * bits - static_cast<unsigned>(std::bit_width(run - 1));
}

using Doubles = double __attribute__((vector_size(64), aligned(8)));
using Floats = float __attribute__((vector_size(32), aligned(4)));

/// The run's sums for one pixel, one kernel after the other, whatever the exponents.
[[gnu::noinline]] void sum_exactly(const double* pixel, const double* weights, size_t channels,
                                   const uint8_t* weight_spread, int allowed, float* sums) {
    float a[k_longest_run];
    float b[k_longest_run];
    for (size_t n = 0; n < k_real_kernels; ++n) {
        if (weight_spread[n] <= allowed) continue;  // this kernel's sum is exact as it is
        for (size_t c = 0; c < channels; ++c) {
            a[c] = static_cast<float>(pixel[c]);
            b[c] = static_cast<float>(weights[c * k_real_kernels + n]);
        }
        sums[n] = npu::exact_dot({a, channels}, {b, channels});
    }
}

/// One run of `Pixels` pixels against 16 kernels; the sums stay in registers.
template <size_t Pixels>
[[gnu::always_inline]] inline void add_run(const MacReal::Operands& o, size_t first, size_t tap,
                                           size_t run, size_t channels, const double* weights,
                                           const uint8_t* weight_spread) {
    const size_t offset = run * o.run_channels;
    const double* pixel[Pixels];
    unsigned worst = 0;
    for (size_t p = 0; p < Pixels; ++p) {
        const MacReal::Tap& at = o.windows[(first + p) * o.taps + tap];
        pixel[p] = at.values + offset;
        worst = std::max<unsigned>(worst, at.spread[run]);
    }
    Doubles low[Pixels] = {};
    Doubles high[Pixels] = {};
    for (size_t c = 0; c < channels; ++c, weights += k_real_kernels) {
        const auto* row = reinterpret_cast<const Doubles*>(weights);
#pragma GCC unroll 16
        for (size_t p = 0; p < Pixels; ++p) {
            low[p] += row[0] * pixel[p][c];
            high[p] += row[1] * pixel[p][c];
        }
    }
    weights -= channels * k_real_kernels;
#pragma GCC unroll 16
    for (size_t p = 0; p < Pixels; ++p) {
        float sums[k_real_kernels];
        auto* halves = reinterpret_cast<Floats*>(sums);
        halves[0] = __builtin_convertvector(low[p], Floats);
        halves[1] = __builtin_convertvector(high[p], Floats);
        if (worst + weight_spread[0] > o.limit) [[unlikely]] {
            const unsigned own = o.windows[(first + p) * o.taps + tap].spread[run];
            if (own + weight_spread[0] > o.limit)
                sum_exactly(pixel[p], weights, channels, weight_spread + 1,
                            static_cast<int>(o.limit) - static_cast<int>(own), sums);
        }
        auto* out = reinterpret_cast<Floats*>(o.sums + (first + p) * k_real_kernels);
        out[0] += halves[0];
        out[1] += halves[1];
    }
}

template <size_t Pixels>
[[gnu::always_inline]] inline void block(const MacReal::Operands& o, size_t first) {
    const double* weights = o.weights;
    const uint8_t* spread = o.weight_spread;
    for (size_t run = 0; run * o.run_channels < o.channels; ++run) {
        const size_t channels = std::min(o.run_channels, o.channels - run * o.run_channels);
        for (size_t tap = 0; tap < o.taps; ++tap, spread += k_spreads) {
            add_run<Pixels>(o, first, tap, run, channels, weights, spread);
            weights += channels * k_real_kernels;
        }
    }
}

[[gnu::always_inline]] inline void all_blocks(const MacReal::Operands& o) {
    size_t p = 0;
    for (; p + 12 <= o.pixels; p += 12) block<12>(o, p);
    for (; p + 4 <= o.pixels; p += 4) block<4>(o, p);
    for (; p < o.pixels; ++p) block<1>(o, p);
}

/// Runs outside, taps inside, then kernels, then channels: the order the CNA brings them in.
[[gnu::always_inline]] inline void load_group(const MacReal::Group& g) {
    const std::byte* bytes = g.bytes;
    double* out = g.weights;
    size_t index = 0;
    for (size_t first = 0; first < g.channels; first += g.run_channels) {
        const size_t channels = std::min(g.run_channels, g.channels - first);
        for (size_t tap = 0; tap < g.taps; ++tap, out += channels * k_real_kernels) {
            float tile[k_real_kernels][k_longest_run];
            uint8_t* spread = g.spread + index++ * k_spreads;
            std::fill_n(spread, k_spreads, uint8_t{0});
            for (size_t n = 0; n < g.kernels; ++n) {
                widen(g.element, bytes, channels, tile[n]);
                spread[1 + n] = spread_of(tile[n], channels);
                spread[0] = std::max(spread[0], spread[1 + n]);
                bytes += npu::bytes_of(g.element, channels);
            }
            for (size_t n = g.kernels; n < k_real_kernels; ++n)
                std::fill_n(tile[n], channels, 0.0F);
            for (size_t c = 0; c < channels; ++c)
                for (size_t n = 0; n < k_real_kernels; ++n)
                    out[c * k_real_kernels + n] = static_cast<double>(tile[n][c]);
        }
    }
}

[[gnu::always_inline]] inline void widen_row(const CnaTask& task, const std::byte* pixels,
                                             size_t run_channels, double* values, uint8_t* spread) {
    float run[k_longest_run];
    for (uint32_t x = 0; x < task.width; ++x, pixels += task.pixel_bytes())
        for (size_t first = 0; first < task.channels; first += run_channels) {
            const size_t channels = std::min<size_t>(run_channels, task.channels - first);
            widen(task.element, pixels + npu::bytes_of(task.element, first), channels, run);
            *spread++ = spread_of(run, channels);
            for (size_t c = 0; c < channels; ++c) *values++ = static_cast<double>(run[c]);
        }
}

/// The same code for every instruction set.
struct Variant {
    void (*multiply)(const MacReal::Operands&);
    void (*load)(const MacReal::Group&);
    void (*widen)(const CnaTask&, const std::byte*, size_t, double*, uint8_t*);
};

#define RB_REAL_VARIANT(name, attribute)                                                  \
    attribute void name##_multiply(const MacReal::Operands& o) {                          \
        all_blocks(o);                                                                    \
    }                                                                                     \
    attribute void name##_load(const MacReal::Group& g) {                                 \
        load_group(g);                                                                    \
    }                                                                                     \
    attribute void name##_widen(const CnaTask& task, const std::byte* pixels, size_t run, \
                                double* values, uint8_t* spread) {                        \
        widen_row(task, pixels, run, values, spread);                                     \
    }                                                                                     \
    constexpr Variant k_##name = {name##_multiply, name##_load, name##_widen}

RB_REAL_VARIANT(portable, );

#if defined(__x86_64__)
RB_REAL_VARIANT(avx2, __attribute__((target("avx2,fma"))));
RB_REAL_VARIANT(avx512, __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,fma"))));
#endif

const Variant& variant() {
    static const Variant chosen = [] {
#if defined(__x86_64__)
        if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
            __builtin_cpu_supports("avx512dq"))
            return k_avx512;
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return k_avx2;
#endif
        return k_portable;
    }();
    return chosen;
}

}  // namespace

void RealRow::widen(const CnaTask& task, const std::byte* pixels) {
    const size_t run_channels = npu::mac_array(task.element).channels;
    values.resize(size_t{task.width} * task.channels);
    spread.resize(size_t{task.width} * div_round_up<size_t>(task.channels, run_channels));
    variant().widen(task, pixels, run_channels, values.data(), spread.data());
}

MacReal::MacReal(const CnaTask& cna)
    : cna_(cna),
      run_channels_(npu::mac_array(cna.element).channels),
      runs_(div_round_up<size_t>(cna.channels, run_channels_)),
      limit_(spread_limit(cna.element, run_channels_)) {}

void MacReal::load(uint32_t kernels, std::span<const std::byte> weights) {
    weights_.resize(size_t{cna_.taps()} * cna_.channels * k_real_kernels);
    weight_spread_.resize(runs_ * cna_.taps() * k_spreads);
    kernels_ = kernels;
    variant().load({.element = cna_.element,
                    .bytes = weights.data(),
                    .kernels = kernels,
                    .taps = cna_.taps(),
                    .channels = cna_.channels,
                    .run_channels = run_channels_,
                    .weights = weights_.data(),
                    .spread = weight_spread_.data()});
}

void MacReal::multiply(std::span<const Tap> windows, SumTile& tile) const {
    sums_.assign(size_t{tile.pixels} * k_real_kernels, 0.0F);
    variant().multiply({.windows = windows.data(),
                        .taps = cna_.taps(),
                        .channels = cna_.channels,
                        .run_channels = run_channels_,
                        .pixels = tile.pixels,
                        .weights = weights_.data(),
                        .weight_spread = weight_spread_.data(),
                        .limit = limit_,
                        .sums = sums_.data()});
    tile.clear(true, false);
    for (uint32_t p = 0; p < tile.pixels; ++p)
        std::copy_n(sums_.data() + size_t{p} * k_real_kernels,
                    std::min<size_t>(tile.channels, kernels_),
                    tile.reals.data() + size_t{p} * tile.channels);
}

}  // namespace rosenblatt::emulator
