// SPDX-License-Identifier: MIT
// The int8 multiplier in panels of 16 kernels, for instruction sets that differ in a handful of
// operations. Included inside a namespace that has defined
//
//   RB_TARGET            attribute of every function
//   Vector               the vector type, k_vectors of which hold 16 x int32
//   load(address)        16 / k_vectors kernels of one step
//   spread(int32)        the same 4 bytes of features for every kernel
//   dot(sums, w, a)      sums + products of each kernel's 4 bytes with a's
//   load_sums, store_sums
//   k_offsets            weights have 128 added (MacInt8::offsets)
//
// A step is 4 bytes of a pixel: 4 int8 channels, or 2 of int16. Weights are packed as
// [2 panels][tap][step][16 kernels][4 bytes]; k_block_steps of them stay in the first-level cache
// while all pixels pass by, so a long window is done in several blocks that add up in `sums`.

constexpr size_t k_panel_kernels = 16;
constexpr size_t k_step_bytes = 64;  // of a panel

/// Steps [first, first + steps) of taps [tap, tap + taps).
struct Block {
    size_t tap, taps, first, steps;
    bool starts;  ///< nothing is in `sums` yet
};

struct Panel {
    const MacOperands& o;
    const std::byte* weights;  ///< of the block's first step
    size_t kernel;             ///< its first
};

template <size_t Pixels>
RB_TARGET void multiply_block(const Panel& panel, const Block& block, size_t pixel) {
    const MacOperands& o = panel.o;
    Vector sums[Pixels][k_vectors];
    int32_t* out = o.sums + pixel * k_group_kernels + panel.kernel;
#pragma GCC unroll 16
    for (size_t p = 0; p < Pixels; ++p) {
        // 128 * sum may wrap; so does the sum of products, and the difference is right modulo 2^32.
        const uint32_t excess =
            k_offsets ? static_cast<uint32_t>(o.window_sums[pixel + p]) << 7 : 0;
#pragma GCC unroll 4
        for (size_t v = 0; v < k_vectors; ++v)
            sums[p][v] =
                block.starts
                    ? spread(static_cast<int32_t>(0U - excess))
                    : load_sums(out + p * k_group_kernels + v * k_panel_kernels / k_vectors);
    }
    const std::byte* weights = panel.weights;
    for (size_t tap = block.tap; tap < block.tap + block.taps; ++tap) {
        const std::byte* features[Pixels];
#pragma GCC unroll 16
        for (size_t p = 0; p < Pixels; ++p)
            features[p] = o.windows[(pixel + p) * o.taps + tap] + block.first * 4;
        for (size_t step = 0; step < block.steps; ++step, weights += k_step_bytes) {
            Vector w[k_vectors];
#pragma GCC unroll 4
            for (size_t v = 0; v < k_vectors; ++v)
                w[v] = load(weights + v * k_step_bytes / k_vectors);
#pragma GCC unroll 16  // or the sums live in memory
            for (size_t p = 0; p < Pixels; ++p) {
                int32_t four;
                std::memcpy(&four, features[p] + step * 4, sizeof four);
                const Vector a = spread(four);
#pragma GCC unroll 4
                for (size_t v = 0; v < k_vectors; ++v) sums[p][v] = dot(sums[p][v], w[v], a);
            }
        }
    }
#pragma GCC unroll 16
    for (size_t p = 0; p < Pixels; ++p)
#pragma GCC unroll 4
        for (size_t v = 0; v < k_vectors; ++v)
            store_sums(out + p * k_group_kernels + v * k_panel_kernels / k_vectors, sums[p][v]);
}

/// Sixes. What is left over is joined with the last whole six and halved: few pixels at a time
/// leave the multipliers waiting for their own results.
RB_TARGET inline void all_pixels(const Panel& panel, const Block& block) {
    constexpr void (*k_multiply[])(const Panel&, const Block&, size_t) = {
        multiply_block<1>, multiply_block<2>, multiply_block<3>,
        multiply_block<4>, multiply_block<5>, multiply_block<6>};
    for (size_t pixel = 0; pixel < panel.o.pixels;) {
        const size_t left = panel.o.pixels - pixel;
        const size_t size = left > 6 && left < 10 ? (left + 1) / 2 : std::min<size_t>(left, 6);
        k_multiply[size - 1](panel, block, pixel);
        pixel += size;
    }
}

/// Cuts a window of `steps` per tap: parts of a tap, or several whole ones.
inline void multiply_panels(const MacOperands& o, size_t steps) {
    const size_t panel_bytes = o.taps * steps * k_step_bytes;
    const size_t most_taps = std::max<size_t>(1, k_block_steps / steps);
    for (size_t tap = 0; tap < o.taps; tap += most_taps)
        for (size_t first = 0; first < steps; first += k_block_steps) {
            const Block block{tap, std::min(most_taps, o.taps - tap), first,
                              std::min(k_block_steps, steps - first), tap == 0 && first == 0};
            for (size_t panel = 0; panel < 2; ++panel)
                all_pixels(
                    {o, o.kernels + panel * panel_bytes + (tap * steps + first) * k_step_bytes,
                     panel * k_panel_kernels},
                    block);
        }
}

/// Where step `step` of kernel `kernel` lies.
inline size_t packed_at(size_t taps, size_t steps, size_t kernel, size_t tap, size_t step) {
    return (((kernel / k_panel_kernels * taps + tap) * steps + step) * k_panel_kernels +
            kernel % k_panel_kernels) *
           4;
}
