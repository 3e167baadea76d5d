// SPDX-License-Identifier: MIT
// MacReal, the portable variant of its kernels, and the slow way out of a double's precision.
#include "emulator/mac_real.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>
#include <utility>

#include "emulator/elements.hpp"
#include "emulator/mac_real_variants.hpp"

namespace rosenblatt::emulator {
namespace {

#define RB_TARGET

// Two doubles are a vector of SSE2 and NEON. NEON has twice the registers: 12 sums stay in both.
using Doubles = double __attribute__((vector_size(16), aligned(8)));
using Floats = float __attribute__((vector_size(8), aligned(4)));
constexpr size_t k_lanes = 2;
constexpr size_t k_pixels = 3;
constexpr size_t k_vectors = 4;

Doubles zero() {
    return Doubles{};
}
Doubles load(const double* at) {
    return *reinterpret_cast<const Doubles*>(at);
}
Doubles spread(double value) {
    return Doubles{value, value};
}
Doubles add_product(Doubles sums, Doubles w, Doubles a) {
    return sums + w * a;
}
void add_rounded(float* at, Doubles sums) {
    *reinterpret_cast<Floats*>(at) += __builtin_convertvector(sums, Floats);
}

void widen_halves(const uint16_t* bits, double* out) {
    for (size_t i = 0; i < 16; ++i) out[i] = static_cast<double>(npu::fp32_from_fp16(bits[i]));
}

#include "emulator/mac_real_panels.inc.hpp"

#undef RB_TARGET

/// A double has 53 bits. A product of two significands of `bits` bits takes 2 * bits, the sum of a
/// run log2(run) more; the rest may be spent on different exponents.
unsigned spread_limit(npu::Element element, size_t run) {
    const unsigned bits = element == npu::Element::Bf16 ? 8 : 11;
    return 53 - 2 * bits - static_cast<unsigned>(std::bit_width(run - 1));
}

std::vector<RealVariant> available() {
    std::vector<RealVariant> variants;
    add_avx512_variant(variants);
    add_avx2_variant(variants);
    variants.push_back({"portable", Simd::Plain, multiply, load_group, widen_pixel});
    return variants;
}

}  // namespace

std::span<const RealVariant> real_variants() {
    static const std::vector<RealVariant> variants = available();
    return variants;
}

const RealVariant& real_variant(Simd most) {
    return *std::ranges::find_if(real_variants(),
                                 [&](const RealVariant& variant) { return variant.needs <= most; });
}

void sum_run_exactly(const double* pixel, const double* weights, size_t channels,
                     const uint8_t* weight_spread, int allowed, size_t count, float* sums) {
    float a[k_longest_run];
    float b[k_longest_run];
    for (size_t n = 0; n < count; ++n) {
        if (weight_spread[n] <= allowed) continue;  // this kernel's sum is exact as it is
        for (size_t c = 0; c < channels; ++c) {
            a[c] = static_cast<float>(pixel[c]);
            b[c] = static_cast<float>(weights[c * k_real_kernels + n]);
        }
        sums[n] = npu::exact_dot({a, channels}, {b, channels});
    }
}

void RealPixels::resize(const CnaTask& task, size_t count) {
    const size_t run_channels = npu::mac_array(task.element).channels;
    const size_t runs = div_round_up<size_t>(task.channels, run_channels);
    pixels = count;
    values.resize(runs * count * run_channels);
    spread.resize(runs * count);
    worst.assign(runs, 0);
}

MacReal::MacReal(const CnaTask& cna, Simd most)
    : cna_(cna),
      variant_(real_variant(most)),
      run_channels_(npu::mac_array(cna.element).channels),
      runs_(div_round_up<size_t>(cna.channels, run_channels_)),
      limit_(spread_limit(cna.element, run_channels_)) {}

void MacReal::widen(const std::byte* bytes, size_t first, size_t count, RealPixels& pixels) const {
    for (size_t i = 0; i < count; ++i)
        variant_.widen({.element = cna_.element,
                        .bytes = bytes + i * cna_.pixel_bytes(),
                        .channels = cna_.channels,
                        .run_channels = run_channels_,
                        .values = pixels.values.data() + (first + i) * run_channels_,
                        .spread = pixels.spread.data() + first + i,
                        .worst = pixels.worst.data(),
                        .pixels = pixels.pixels});
}

void MacReal::load(uint32_t kernels, std::span<const std::byte> weights) {
    weights_.resize(size_t{cna_.taps()} * cna_.channels * k_real_kernels);
    weight_spread_.resize(runs_ * cna_.taps() * k_spreads);
    kernels_ = kernels;
    variant_.load({.element = cna_.element,
                   .bytes = weights.data(),
                   .kernels = kernels,
                   .taps = cna_.taps(),
                   .channels = cna_.channels,
                   .run_channels = run_channels_,
                   .weights = weights_.data(),
                   .spread = weight_spread_.data()});
}

void MacReal::multiply(std::span<const uint32_t> windows, const RealPixels& features,
                       SumTile& tile) const {
    sums_.assign(size_t{tile.pixels} * k_real_kernels, 0.0F);
    variant_.multiply({.windows = windows.data(),
                       .features = &features,
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
