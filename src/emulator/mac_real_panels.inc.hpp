// SPDX-License-Identifier: MIT
// The floating-point multiplier for instruction sets that differ in a handful of operations.
// Included inside a namespace that has defined
//
//   RB_TARGET                     attribute of every function
//   Doubles                       the vector type: k_lanes doubles
//   k_pixels, k_vectors           of a block whose sums stay in registers
//   zero(), load(address), spread(double)
//   add_product(sums, w, a)       sums + w * a; exact, so it does not matter whether it is fused
//   add_rounded(float*, Doubles)  adds each, rounded to fp32, to what is there: k_lanes floats
//   widen_halves(bits, double*)   16 fp16 values, exactly (infinities and NaN: as they like)
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

template <npu::Element Type>
using BitsOf = std::conditional_t<Type == npu::Element::Tf32, uint32_t, uint16_t>;

/// The same element of all kernels.
template <npu::Element Type>
using RowOf __attribute__((vector_size(k_real_kernels * sizeof(BitsOf<Type>)))) = BitsOf<Type>;

/// The magnitude of an element as far as the array sees it.
template <npu::Element Type>
constexpr BitsOf<Type> k_magnitude = static_cast<BitsOf<Type>>(Type == npu::Element::Tf32
                                                                   ? 0x7fffe000
                                                                   : 0x7fff);

/// Binary places between the exponents of the greatest magnitude of a run and of the least that is
/// not zero, which comes less one, so that zero was the greatest of all. 255 for infinities, NaN,
/// and fp32 subnormals, whose exponent does not show in their bits. Without branches, so that those
/// of many runs are found side by side.
template <npu::Element Type>
RB_TARGET inline uint8_t spread_between(BitsOf<Type> least_less_one, BitsOf<Type> greatest) {
    const auto exponent = [](uint32_t bits) {
        return std::bit_cast<uint32_t>(widened(Type, bits)) >> 23;
    };
    const uint32_t low = exponent(static_cast<uint32_t>(least_less_one) + 1);
    const uint32_t high = exponent(greatest);
    const uint32_t hidden = (high == 255) | (low == 0) ? 255 : 0;
    const uint32_t some = greatest == 0 ? 0 : 255;
    return static_cast<uint8_t>(((high - low) | hidden) & some);
}

/// One run of channels under one tap.
struct Run {
    const double* weights;
    const uint8_t* spread;
    size_t tap, run, channels;
    bool exact;  ///< a double holds the sums of all pixels
};

/// Where the pixel under the run's tap has its channels, and how far their exponents spread.
RB_TARGET inline size_t at(const RealOperands& o, const Run& r, size_t pixel) {
    return r.run * o.features->pixels + o.windows[pixel * o.taps + r.tap];
}
RB_TARGET inline const double* values_of(const RealOperands& o, const Run& r, size_t pixel) {
    return o.features->values.data() + at(o, r, pixel) * o.run_channels;
}
RB_TARGET inline unsigned spread_of(const RealOperands& o, const Run& r, size_t pixel) {
    return o.features->spread[at(o, r, pixel)];
}

/// A block's pixels side by side, so that one pointer reaches all: neighbours in the output mostly
/// are neighbours in the input. Others are copied together.
template <size_t Pixels>
RB_TARGET inline const double* block_of(const RealOperands& o, const Run& r, size_t first,
                                        double (&copy)[Pixels * k_longest_run]) {
    const uint32_t* windows = o.windows + first * o.taps + r.tap;
    uint32_t apart = 0;
    for (size_t p = 1; p < Pixels; ++p)
        apart |= windows[p * o.taps] - windows[0] - static_cast<uint32_t>(p);
    if (apart == 0) return values_of(o, r, first);
    for (size_t p = 0; p < Pixels; ++p)
        std::copy_n(values_of(o, r, first + p), r.channels, copy + p * o.run_channels);
    return copy;
}

/// `Channels` 0: as many as the run has, which is rarely another number than the array's. `pixels`
/// lie `pitch` apart.
template <size_t Pixels, size_t Channels>
RB_TARGET inline void multiply_run(const Run& r, const double* pixels, size_t pitch, size_t kernel,
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
            const Doubles a = spread(pixels[p * pitch + c]);
#pragma GCC unroll 4
            for (size_t v = 0; v < k_vectors; ++v) sums[p][v] = add_product(sums[p][v], w[v], a);
        }
    }
}

/// Adds rounded sums of which a double may not have held all: those pixels and kernels are summed
/// again.
template <size_t Pixels>
[[gnu::noinline]] RB_TARGET void add_doubtful(const RealOperands& o, const Run& r, size_t first,
                                              size_t kernel,
                                              float (&rounded)[Pixels][k_lanes * k_vectors]) {
    constexpr size_t k_kernels = k_lanes * k_vectors;
    for (size_t p = 0; p < Pixels; ++p) {
        const unsigned pixel_spread = spread_of(o, r, first + p);
        if (pixel_spread + r.spread[0] > o.limit)
            sum_run_exactly(
                values_of(o, r, first + p), r.weights + kernel, r.channels, r.spread + 1 + kernel,
                static_cast<int>(o.limit) - static_cast<int>(pixel_spread), k_kernels, rounded[p]);
        float* out = o.sums + (first + p) * k_real_kernels + kernel;
        for (size_t n = 0; n < k_kernels; ++n) out[n] += rounded[p][n];
    }
}

/// One run of a block of pixels against all 16 kernels.
template <size_t Pixels, size_t Channels>
RB_TARGET void add_run(const RealOperands& o, const Run& r, size_t first) {
    alignas(64) double copy[Pixels * k_longest_run];
    const double* pixels = block_of<Pixels>(o, r, first, copy);
    const size_t pitch = Channels > 0 ? Channels : o.run_channels;
#pragma GCC unroll 1
    for (size_t kernel = 0; kernel < k_real_kernels; kernel += k_lanes * k_vectors) {
        Doubles sums[Pixels][k_vectors];
        multiply_run<Pixels, Channels>(r, pixels, pitch, kernel, sums);
        float* out = o.sums + first * k_real_kernels + kernel;
        if (!r.exact) [[unlikely]] {
            float rounded[Pixels][k_lanes * k_vectors] = {};
#pragma GCC unroll 16
            for (size_t p = 0; p < Pixels; ++p)
#pragma GCC unroll 4
                for (size_t v = 0; v < k_vectors; ++v)
                    add_rounded(rounded[p] + v * k_lanes, sums[p][v]);
            add_doubtful<Pixels>(o, r, first, kernel, rounded);
            continue;
        }
#pragma GCC unroll 16
        for (size_t p = 0; p < Pixels; ++p)
#pragma GCC unroll 4
            for (size_t v = 0; v < k_vectors; ++v)
                add_rounded(out + p * k_real_kernels + v * k_lanes, sums[p][v]);
    }
}

/// In as few blocks as can be, and those alike: few pixels at a time leave the multipliers waiting
/// for their own results.
template <size_t Channels, size_t... Sizes>
RB_TARGET void add_run_of_all(const RealOperands& o, const Run& r, std::index_sequence<Sizes...>) {
    constexpr void (*k_add[])(const RealOperands&, const Run&,
                              size_t) = {add_run<Sizes + 1, Channels>...};
    size_t blocks = div_round_up(o.pixels, k_pixels);
    for (size_t p = 0; blocks > 0; --blocks) {
        const size_t size = div_round_up(o.pixels - p, blocks);
        k_add[size - 1](o, r, p);
        p += size;
    }
}

/// A run's weights stay in the first-level cache while all pixels pass by.
RB_TARGET inline void multiply(const RealOperands& o) {
    constexpr auto sizes = std::make_index_sequence<k_pixels>();
    Run r{o.weights, o.weight_spread, 0, 0, 0, false};
    for (r.run = 0; r.run * o.run_channels < o.channels; ++r.run) {
        r.channels = std::min(o.run_channels, o.channels - r.run * o.run_channels);
        for (r.tap = 0; r.tap < o.taps; ++r.tap) {
            r.exact = o.features->worst[r.run] + r.spread[0] <= o.limit;
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

/// Elements as doubles. `count` is a multiple of 16 in all but odd shapes.
template <npu::Element Type>
RB_TARGET inline void widen_elements(const BitsOf<Type>* bits, size_t count, double* out) {
    size_t i = 0;
    if constexpr (Type == npu::Element::Fp16)
        for (; i + 16 <= count; i += 16) widen_halves(bits + i, out + i);
    for (; i < count; ++i) out[i] = static_cast<double>(widened(Type, bits[i]));
}

/// One tile of weights: [kernels][channels] elements to [channels][16] doubles.
template <npu::Element Type>
RB_TARGET void load_tile(const std::byte* bytes, size_t kernels, size_t channels, double* out,
                         uint8_t* spread) {
    BitsOf<Type> bits[k_longest_run][k_real_kernels];
    turn_tile<Type>(bytes, kernels, channels, bits);
    RowOf<Type> least = RowOf<Type>{} - 1;
    RowOf<Type> greatest{};
    for (size_t c = 0; c < channels; ++c) {
        RowOf<Type> row;
        std::memcpy(&row, bits[c], sizeof row);
        row &= k_magnitude<Type>;
        const RowOf<Type> less_one = row - 1;
        least = less_one < least ? less_one : least;
        greatest = row > greatest ? row : greatest;
    }
    widen_elements<Type>(bits[0], channels * k_real_kernels, out);
    BitsOf<Type> low[k_real_kernels], high[k_real_kernels];
    std::memcpy(low, &least, sizeof low);
    std::memcpy(high, &greatest, sizeof high);
    for (size_t n = 0; n < k_real_kernels; ++n)
        spread[1 + n] = spread_between<Type>(low[n], high[n]);
    spread[0] = *std::max_element(spread + 1, spread + k_spreads);
}

/// The tile after next is on its way from memory while one is loaded: 16 x 32 halves.
inline constexpr size_t k_ahead = 1024;

template <npu::Element Type>
RB_TARGET void load_group_of(const RealGroup& g) {
    const std::byte* bytes = g.bytes;
    double* out = g.weights;
    uint8_t* spread = g.spread;
    for (size_t first = 0; first < g.channels; first += g.run_channels) {
        const size_t channels = std::min(g.run_channels, g.channels - first);
        for (size_t tap = 0; tap < g.taps; ++tap) {
            for (size_t line = 0; line < k_ahead; line += 64)
                __builtin_prefetch(bytes + 2 * k_ahead + line);
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
        BitsOf<Type> bits[k_longest_run];
        std::memcpy(bits, p.bytes + first * sizeof bits[0], count * sizeof bits[0]);
        auto least = static_cast<BitsOf<Type>>(-1);
        BitsOf<Type> greatest = 0;
        for (size_t c = 0; c < count; ++c) {
            const BitsOf<Type> m = bits[c] & k_magnitude<Type>;
            least = std::min(least, static_cast<BitsOf<Type>>(m - 1));
            greatest = std::max(greatest, m);
        }
        widen_elements<Type>(bits, count, p.values + run * p.pixels * p.run_channels);
        p.spread[run * p.pixels] = spread_between<Type>(least, greatest);
        p.worst[run] = std::max(p.worst[run], p.spread[run * p.pixels]);
    }
}

RB_TARGET inline void widen_pixel(const RealPixel& p) {
    if (p.element == npu::Element::Fp16) return widen_pixel_of<npu::Element::Fp16>(p);
    if (p.element == npu::Element::Bf16) return widen_pixel_of<npu::Element::Bf16>(p);
    widen_pixel_of<npu::Element::Tf32>(p);
}
