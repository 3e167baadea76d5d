// SPDX-License-Identifier: MIT
// Every int8 multiplier this machine can run against a triple loop.
#include "emulator/mac_int8.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "npu/cube.hpp"

namespace rosenblatt::emulator {
namespace {

constexpr uint32_t k_seed = 7;

struct Case {
    uint32_t kernels, channels, window, pixels;
};

// The panels of AVX-VNNI (weights with 128 added) and NEON (signed) with the one instruction they
// live on written out, so that every machine tests what is around it.
namespace offset_panels {

#define RB_TARGET

struct Vector {
    int32_t lanes[8];
};
constexpr size_t k_vectors = 2;
constexpr bool k_offsets = true;
constexpr size_t k_block_steps = 16;  // small, so that short windows need several blocks

Vector load_sums(const int32_t* at) {
    Vector v;
    std::memcpy(&v, at, sizeof v);
    return v;
}
Vector load(const std::byte* at) {
    return load_sums(reinterpret_cast<const int32_t*>(at));
}
Vector spread(int32_t four) {
    return {{four, four, four, four, four, four, four, four}};
}
Vector dot(Vector sums, Vector w, Vector a) {
    for (size_t i = 0; i < 8; ++i)
        for (size_t b = 0; b < 4; ++b) {
            const auto weight = static_cast<uint8_t>(w.lanes[i] >> 8 * b);
            const auto feature = static_cast<int8_t>(a.lanes[i] >> 8 * b);
            sums.lanes[i] += (k_offsets ? weight : static_cast<int8_t>(weight)) * feature;
        }
    return sums;
}
void store_sums(int32_t* at, Vector sums) {
    std::memcpy(at, &sums, sizeof sums);
}

#include "emulator/mac_int8_bytes.inc.hpp"

constexpr MacInt8 k_variant{
    "panels of offset bytes", Simd::Plain, false, true, packed_bytes, pack, multiply, nullptr};

}  // namespace offset_panels

std::vector<MacInt8> all_variants() {
    const auto here = mac_int8_variants();
    std::vector<MacInt8> all(here.begin(), here.end());
    all.push_back(offset_panels::k_variant);
    return all;
}

/// Random pixels (whole atoms, zero behind the channels) and random weights in the CNA's order.
struct Operands {
    std::vector<std::byte> features, weights;
    std::vector<const std::byte*> windows;
    std::vector<int32_t> window_sums;
    uint32_t pixel_bytes;
    std::vector<int16_t> wide;  ///< the features as int16, where the multiplier wants that
    std::vector<const std::byte*> wide_windows;

    void widen(const MacInt8& mac) {
        wide.resize(features.size());
        mac.widen(features.data(), features.size(), wide.data());
        for (const std::byte* window : windows)
            wide_windows.push_back(
                reinterpret_cast<const std::byte*>(wide.data() + (window - features.data())));
    }

    Operands(const Case& c, std::mt19937& random, bool extreme)
        : features(size_t{64} * ((c.channels + 15) / 16 * 16)),
          weights(size_t{c.kernels} * c.channels * c.window * c.window),
          pixel_bytes((c.channels + 15) / 16 * 16) {
        const auto draw = [&] {
            return extreme ? std::byte{0x80} : static_cast<std::byte>(random());
        };
        for (size_t i = 0; i < features.size(); ++i)
            if (i % pixel_bytes < c.channels) features[i] = draw();
        for (std::byte& weight : weights) weight = draw();
        const size_t taps = size_t{c.window} * c.window;
        for (uint32_t p = 0; p < c.pixels; ++p) {
            int32_t sum = 0;
            for (size_t tap = 0; tap < taps; ++tap) {
                windows.push_back(features.data() + random() % 64 * pixel_bytes);
                for (uint32_t i = 0; i < pixel_bytes; ++i)
                    sum += static_cast<int8_t>(windows.back()[i]);
            }
            window_sums.push_back(sum);
        }
    }
};

void check(const MacInt8& mac, const Case& c, std::mt19937& random, bool extreme) {
    Operands operands(c, random, extreme);
    if (mac.widens) operands.widen(mac);
    const size_t taps = size_t{c.window} * c.window;
    const size_t quads = operands.pixel_bytes / 4;
    std::vector<std::byte> packed(mac.packed_bytes(taps, quads));
    mac.pack(operands.weights.data(), c.kernels, c.channels, taps, quads, packed.data());
    std::vector<int32_t> sums(size_t{c.pixels} * k_group_kernels, -1);
    mac.multiply({.windows = mac.widens ? operands.wide_windows.data() : operands.windows.data(),
                  .window_sums = operands.window_sums.data(),
                  .kernels = packed.data(),
                  .taps = taps,
                  .quads = quads,
                  .pixels = c.pixels,
                  .sums = sums.data()});
    const npu::WeightCube cube{.kernels = c.kernels,
                               .channels = c.channels,
                               .height = c.window,
                               .width = c.window,
                               .element = npu::Element::Int8};
    for (uint32_t p = 0; p < c.pixels; ++p)
        for (uint32_t n = 0; n < k_group_kernels; ++n) {
            int32_t expected = 0;
            for (uint32_t tap = 0; n < c.kernels && tap < taps; ++tap)
                for (uint32_t i = 0; i < c.channels; ++i)
                    expected +=
                        static_cast<int8_t>(operands.windows[p * taps + tap][i]) *
                        static_cast<int8_t>(
                            operands.weights[cube.index(n, i, tap / c.window, tap % c.window)]);
            ASSERT_EQ(sums[p * k_group_kernels + n], expected)
                << mac.name << " pixel " << p << " kernel " << n << " of " << c.kernels << 'x'
                << c.channels << 'x' << taps << ", " << c.pixels << " pixels";
        }
}

TEST(MacInt8, EveryVariantEqualsTheTripleLoop) {
    for (const MacInt8& mac : all_variants()) {
        std::mt19937 random(k_seed);
        SCOPED_TRACE(std::string(mac.name) + " seed " + std::to_string(k_seed));
        for (const uint32_t pixels : {1, 2, 3, 5, 6, 11, 12, 13, 25, 40})
            check(mac, {32, 64, 1, pixels}, random, false);
        for (int run = 0; run < 40; ++run)
            check(
                mac,
                {1 + static_cast<uint32_t>(random() % 32),
                 1 + static_cast<uint32_t>(random() % 130), 1 + static_cast<uint32_t>(random() % 3),
                 1 + static_cast<uint32_t>(random() % 30)},
                random, false);
    }
}

TEST(MacInt8, HoldsTheGreatestSumsThatAMatmulCanReach) {
    for (const MacInt8& mac : all_variants()) {
        std::mt19937 random(k_seed);
        check(mac, {32, 8192, 1, 3}, random, true);   // 8192 * 128 * 128 = 2^27
        check(mac, {32, 32768, 1, 2}, random, true);  // the largest kernel a bank holds
    }
}

TEST(MacInt8, ThePortableVariantIsAlwaysThere) {
    EXPECT_STREQ(mac_int8_variants().back().name, "portable");
}

}  // namespace
}  // namespace rosenblatt::emulator
