// SPDX-License-Identifier: MIT
// The floating-point multiplier for instruction sets that differ in a handful of operations.
// Included inside a namespace that has defined
//
//   RB_TARGET               attribute of every function
//   Doubles                 the vector type: k_lanes doubles
//   k_pixels, k_vectors     of a block whose sums stay in registers
//   zero(), load(address), spread(double)
//   add_product(sums, w, a) sums + w * a; exact, so it does not matter whether it is fused
//   add_rounded(float*, Doubles) adds each, rounded to fp32, to what is there: k_lanes floats
//
// Compiled with contraction to fused multiply-adds: every product and sum of doubles here is exact
// or thrown away.

/// Elements of fp16, bf16 or tf32 as fp32, exactly, without branches: this is where loading spends
/// its time. `bits` holds the element in its low end.
RB_TARGET inline float widened(npu::Element element, uint32_t bits) {
    if (element == npu::Element::Fp16) {
        const uint32_t magnitude = (bits & 0x7fff) << 13;  // 2^-112 of the value
        const float scaled = std::bit_cast<float>(magnitude) * 0x1p112F;
        const uint32_t infinite = magnitude >= 0x0f800000 ? 0x7f800000 : 0;
        return std::bit_cast<float>(std::bit_cast<uint32_t>(scaled) | infinite |
                                    (bits & 0x8000) << 16);
    }
    if (element == npu::Element::Bf16) return std::bit_cast<float>(bits << 16);
    return std::bit_cast<float>(bits & 0xffffe000U);
}

template <npu::Element Type>
RB_TARGET inline uint32_t element_bits(const std::byte* bytes, size_t i) {
    if constexpr (Type == npu::Element::Tf32) return emulator::load<uint32_t>(bytes + i * 4);
    return emulator::load<uint16_t>(bytes + i * 2);
}

/// Binary places between the greatest and the least exponent of a run; zeros have none.
/// Infinities, NaN and fp32 subnormals (whose exponent does not show in their bits) count as not
/// finite.
RB_TARGET inline uint8_t spread_between(uint32_t least, uint32_t greatest) {
    if (greatest == 255 || least == 0) return 255;
    return static_cast<uint8_t>(greatest > least ? std::min(greatest - least, 254U) : 0);
}

/// One run of channels under one tap.
struct Run {
    const double* weights;
    const uint8_t* spread;
    size_t tap, run, channels;
};

/// What a block of pixels needs for one run.
template <size_t Pixels>
struct RunPixels {
    const double* values[Pixels];
    unsigned spread[Pixels];
    unsigned worst = 0;
    float* sums;  ///< of the first pixel
};

/// `Channels` 0: as many as the run has, which is rarely another number than the array's.
template <size_t Pixels, size_t Channels>
RB_TARGET inline void multiply_run(const Run& r, const RunPixels<Pixels>& pixels, size_t kernel,
                                   Doubles (&sums)[Pixels][k_vectors]) {
#pragma GCC unroll 16
    for (size_t p = 0; p < Pixels; ++p)
#pragma GCC unroll 4
        for (size_t v = 0; v < k_vectors; ++v) sums[p][v] = zero();
    const double* weights = r.weights + kernel;
    const size_t channels = Channels > 0 ? Channels : r.channels;
#pragma GCC unroll 2
    for (size_t c = 0; c < channels; ++c, weights += k_real_kernels) {
        Doubles w[k_vectors];
#pragma GCC unroll 4
        for (size_t v = 0; v < k_vectors; ++v) w[v] = load(weights + v * k_lanes);
#pragma GCC unroll 16
        for (size_t p = 0; p < Pixels; ++p) {
            const Doubles a = spread(pixels.values[p][c]);
#pragma GCC unroll 4
            for (size_t v = 0; v < k_vectors; ++v) sums[p][v] = add_product(sums[p][v], w[v], a);
        }
    }
}

/// Adds sums of which a double may not hold all: those pixels and kernels are summed again.
template <size_t Pixels>
[[gnu::noinline]] RB_TARGET void add_doubtful(const RealOperands& o, const Run& r,
                                              const RunPixels<Pixels>& pixels, size_t kernel,
                                              const Doubles (&sums)[Pixels][k_vectors]) {
    constexpr size_t k_kernels = k_lanes * k_vectors;
    for (size_t p = 0; p < Pixels; ++p) {
        float rounded[k_kernels] = {};
        for (size_t v = 0; v < k_vectors; ++v) add_rounded(rounded + v * k_lanes, sums[p][v]);
        if (pixels.spread[p] + r.spread[0] > o.limit)
            sum_run_exactly(pixels.values[p], r.weights + kernel, r.channels, r.spread + 1 + kernel,
                            static_cast<int>(o.limit) - static_cast<int>(pixels.spread[p]),
                            k_kernels, rounded);
        float* out = pixels.sums + p * k_real_kernels + kernel;
        for (size_t n = 0; n < k_kernels; ++n) out[n] += rounded[n];
    }
}

/// One run of a block of pixels against all 16 kernels.
template <size_t Pixels, size_t Channels>
RB_TARGET void add_run(const RealOperands& o, const Run& r, size_t first) {
    RunPixels<Pixels> pixels;
#pragma GCC unroll 16
    for (size_t p = 0; p < Pixels; ++p) {
        const size_t at = r.run * o.features->pixels + o.windows[(first + p) * o.taps + r.tap];
        pixels.values[p] = o.features->values.data() + at * o.run_channels;
        pixels.spread[p] = o.features->spread[at];
        pixels.worst = std::max(pixels.worst, pixels.spread[p]);
    }
    pixels.sums = o.sums + first * k_real_kernels;
#pragma GCC unroll 1
    for (size_t kernel = 0; kernel < k_real_kernels; kernel += k_lanes * k_vectors) {
        Doubles sums[Pixels][k_vectors];
        multiply_run<Pixels, Channels>(r, pixels, kernel, sums);
        if (pixels.worst + r.spread[0] > o.limit) [[unlikely]] {
            add_doubtful<Pixels>(o, r, pixels, kernel, sums);
            continue;
        }
#pragma GCC unroll 16
        for (size_t p = 0; p < Pixels; ++p)
#pragma GCC unroll 4
            for (size_t v = 0; v < k_vectors; ++v)
                add_rounded(pixels.sums + p * k_real_kernels + kernel + v * k_lanes, sums[p][v]);
    }
}

/// Sixes for AVX2. What is left over is joined with the last whole block and halved: few pixels at
/// a time leave the multipliers waiting for their own results.
template <size_t Channels, size_t... Sizes>
RB_TARGET void add_run_of_all(const RealOperands& o, const Run& r, std::index_sequence<Sizes...>) {
    constexpr void (*k_add[])(const RealOperands&, const Run&,
                              size_t) = {add_run<Sizes + 1, Channels>...};
    for (size_t p = 0; p < o.pixels;) {
        const size_t left = o.pixels - p;
        const bool halve = left > k_pixels && left < k_pixels + k_pixels / 2 + 1;
        const size_t size = halve ? (left + 1) / 2 : std::min(left, k_pixels);
        k_add[size - 1](o, r, p);
        p += size;
    }
}

/// A run's weights stay in the first-level cache while all pixels pass by.
RB_TARGET inline void multiply(const RealOperands& o) {
    constexpr auto sizes = std::make_index_sequence<k_pixels>();
    Run r{o.weights, o.weight_spread, 0, 0, 0};
    for (r.run = 0; r.run * o.run_channels < o.channels; ++r.run) {
        r.channels = std::min(o.run_channels, o.channels - r.run * o.run_channels);
        for (r.tap = 0; r.tap < o.taps; ++r.tap) {
            if (r.channels == k_longest_run)
                add_run_of_all<k_longest_run>(o, r, sizes);
            else
                add_run_of_all<0>(o, r, sizes);
            r.weights += r.channels * k_real_kernels;
            r.spread += k_spreads;
        }
    }
}

/// 8 x 8 words of 16 bits: rows `from` elements apart become columns, rows k_real_kernels apart.
RB_TARGET inline void transpose_words(const std::byte* in, size_t from, uint16_t* out) {
    using Words = uint16_t __attribute__((vector_size(16)));
    Words rows[8], turned[8];
    for (size_t i = 0; i < 8; ++i) std::memcpy(&rows[i], in + i * from * 2, sizeof rows[i]);
    // Three times: row i and row i + 4, word by word in turn.
    for (size_t stage = 0; stage < 3; ++stage) {
        for (size_t i = 0; i < 4; ++i) {
            turned[2 * i] = __builtin_shufflevector(rows[i], rows[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
            turned[2 * i + 1] =
                __builtin_shufflevector(rows[i], rows[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
        }
        std::copy_n(turned, 8, rows);
    }
    for (size_t i = 0; i < 8; ++i) std::memcpy(out + i * k_real_kernels, &rows[i], sizeof rows[i]);
}

/// Element bits of one tile, [kernels][channels] in memory, as [channels][16].
template <npu::Element Type, typename Bits>
RB_TARGET void turn_tile(const std::byte* bytes, size_t kernels, size_t channels,
                         Bits (*bits)[k_real_kernels]) {
    if (sizeof(Bits) == 2 && kernels == k_real_kernels && channels % 8 == 0) {
        for (size_t n = 0; n < kernels; n += 8)
            for (size_t c = 0; c < channels; c += 8)
                transpose_words(bytes + (n * channels + c) * 2, channels,
                                reinterpret_cast<uint16_t*>(&bits[c][n]));
        return;
    }
    for (size_t c = 0; c < channels; ++c)
        for (size_t n = 0; n < k_real_kernels; ++n)
            bits[c][n] = n < kernels
                             ? static_cast<Bits>(element_bits<Type>(bytes, n * channels + c))
                             : Bits{0};
}

/// One tile of weights: [kernels][channels] elements to [channels][16] doubles.
template <npu::Element Type>
RB_TARGET void load_tile(const std::byte* bytes, size_t kernels, size_t channels, double* out,
                         uint8_t* spread) {
    using Bits = std::conditional_t<Type == npu::Element::Tf32, uint32_t, uint16_t>;
    Bits bits[k_longest_run][k_real_kernels];
    turn_tile<Type>(bytes, kernels, channels, bits);
    uint32_t least[k_real_kernels];
    uint32_t greatest[k_real_kernels] = {};
    std::fill_n(least, k_real_kernels, 255U);
    for (size_t c = 0; c < channels; ++c)
        for (size_t n = 0; n < k_real_kernels; ++n) {
            const float value = widened(Type, bits[c][n]);
            const uint32_t magnitude = std::bit_cast<uint32_t>(value) & 0x7fffffff;
            least[n] = std::min(least[n], magnitude == 0 ? 255 : magnitude >> 23);
            greatest[n] = std::max(greatest[n], magnitude >> 23);
            out[c * k_real_kernels + n] = static_cast<double>(value);
        }
    spread[0] = 0;
    for (size_t n = 0; n < k_real_kernels; ++n) {
        spread[1 + n] = spread_between(least[n], greatest[n]);
        spread[0] = std::max(spread[0], spread[1 + n]);
    }
}

template <npu::Element Type>
RB_TARGET void load_group_of(const RealGroup& g) {
    const std::byte* bytes = g.bytes;
    double* out = g.weights;
    uint8_t* spread = g.spread;
    for (size_t first = 0; first < g.channels; first += g.run_channels) {
        const size_t channels = std::min(g.run_channels, g.channels - first);
        for (size_t tap = 0; tap < g.taps; ++tap) {
            load_tile<Type>(bytes, g.kernels, channels, out, spread);
            bytes += npu::bytes_of(Type, g.kernels * channels);
            out += channels * k_real_kernels;
            spread += k_spreads;
        }
    }
}

/// Runs outside, taps inside, then kernels, then channels: the order the CNA brings them in.
RB_TARGET inline void load_group(const RealGroup& g) {
    if (g.element == npu::Element::Fp16) return load_group_of<npu::Element::Fp16>(g);
    if (g.element == npu::Element::Bf16) return load_group_of<npu::Element::Bf16>(g);
    load_group_of<npu::Element::Tf32>(g);
}

template <npu::Element Type>
RB_TARGET void widen_pixel_of(const RealPixel& p) {
    size_t run = 0;
    for (size_t first = 0; first < p.channels; first += p.run_channels, ++run) {
        const size_t count = std::min(p.run_channels, p.channels - first);
        double* values = p.values + run * p.pixels * p.run_channels;
        uint32_t least = 255;
        uint32_t greatest = 0;
        for (size_t c = 0; c < count; ++c) {
            const float value = widened(Type, element_bits<Type>(p.bytes, first + c));
            const uint32_t magnitude = std::bit_cast<uint32_t>(value) & 0x7fffffff;
            least = std::min(least, magnitude == 0 ? 255 : magnitude >> 23);
            greatest = std::max(greatest, magnitude >> 23);
            values[c] = static_cast<double>(value);
        }
        p.spread[run * p.pixels] = spread_between(least, greatest);
    }
}

RB_TARGET inline void widen_pixel(const RealPixel& p) {
    if (p.element == npu::Element::Fp16) return widen_pixel_of<npu::Element::Fp16>(p);
    if (p.element == npu::Element::Bf16) return widen_pixel_of<npu::Element::Bf16>(p);
    widen_pixel_of<npu::Element::Tf32>(p);
}
