// SPDX-License-Identifier: MIT
#include "quant/int8.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace rosenblatt::quant {
namespace {

struct Quantised {
    RowCheck check;
    std::vector<int8_t> codes;
    std::vector<float> scales;
};

Quantised run(Pipeline pipeline, const std::vector<float>& x, bool one_scale = false) {
    const RowFormat format = row_format(pipeline, static_cast<int64_t>(x.size()));
    Quantised out;
    std::vector<float> scratch(static_cast<size_t>(format.k_padded));
    out.codes.resize(scratch.size());
    out.scales.resize(one_scale ? 1 : static_cast<size_t>(format.slices()));
    out.check = quantise_row(format, one_scale, x.data(), scratch.data(), out.codes.data(),
                             out.scales.data());
    return out;
}

std::vector<float> gaussian(size_t n, unsigned seed) {
    // Sums of uniform integers instead of std::normal_distribution: the same on every library.
    std::mt19937 random(seed);
    std::vector<float> v(n);
    for (float& x : v) {
        int sum = 0;
        for (int i = 0; i < 12; ++i) sum += static_cast<int>(random() >> 16) - 32768;
        x = static_cast<float>(sum) * 0x1p-16F;
    }
    return v;
}

TEST(Int8, TiesRoundToEven) {
    const std::pair<float, float> known[] = {{0.5F, 0},     {1.5F, 2},      {2.5F, 2},
                                             {-0.5F, 0},    {-1.5F, -2},    {126.5F, 126},
                                             {0.49999F, 0}, {-2.50001F, -3}};
    for (const auto& [v, rounded] : known) EXPECT_EQ(round_half_even(v), rounded) << v;
}

TEST(Int8, TheLargestMagnitudeGetsCode127AndTheScaleGivesItBack) {
    const Quantised q = run(Pipeline::W8A8, {0.25F, -3.0F, 1.5F, 0.0F});
    ASSERT_EQ(q.check, RowCheck::Good);
    EXPECT_EQ(q.codes[0], 11);  // 0.25 / 3 * 127 = 10.58
    EXPECT_EQ(q.codes[1], -127);
    EXPECT_EQ(q.codes[2], 64);  // 63.5 is a tie: to even
    EXPECT_EQ(q.codes[3], 0);
    EXPECT_FLOAT_EQ(q.scales[0] * 127, 3.0F);
    for (size_t i = 4; i < 32; ++i) EXPECT_EQ(q.codes[i], 0) << "padding";
}

TEST(Int8, EverySliceHasItsOwnScaleAndWeightsHaveOne) {
    std::vector<float> x(3008, 0.0F);
    x[5] = 1.0F;
    x[2900] = -1000.0F;
    const Quantised slices = run(Pipeline::W8A8, x);
    ASSERT_EQ(slices.scales.size(), 2u);
    EXPECT_EQ(slices.codes[5], 127);
    EXPECT_EQ(slices.codes[2900], -127);
    const Quantised whole = run(Pipeline::W8A8, x, true);
    EXPECT_EQ(whole.codes[5], 0);
    EXPECT_EQ(whole.codes[2900], -127);
}

TEST(Int8, AllZeroRowsAreGoodAndStayZero) {
    const Quantised q = run(Pipeline::W8A8H, std::vector<float>(100, 0.0F));
    EXPECT_EQ(q.check, RowCheck::Good);
    EXPECT_EQ(q.scales[0], 0.0F);
    for (const int8_t code : q.codes) EXPECT_EQ(code, 0);
}

TEST(Int8, RowsThatInt8CannotScaleAreReported) {
    const float bad[] = {
        std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::quiet_NaN(),
        std::numeric_limits<float>::infinity(),  -std::numeric_limits<float>::infinity(),
        std::numeric_limits<float>::max(),       1e-30F,
        std::numeric_limits<float>::denorm_min()};
    for (const Pipeline pipeline : {Pipeline::W8A8, Pipeline::W8A8H}) {
        for (const float value : bad) {
            std::vector<float> x(96, 0.0F);
            x[50] = value;
            EXPECT_EQ(run(pipeline, x).check, RowCheck::OutOfRange) << value;
        }
    }
    EXPECT_EQ(run(Pipeline::W8A8H, {1e-30F, 1.0F}).check, RowCheck::Good);
}

TEST(Int8, MagnitudesFrom2ToTheMinus60To2ToThe60AreScaledAndTheirNeighboursAreNot) {
    const auto check = [](float largest) {
        return run(Pipeline::W8A8, std::vector<float>(32, largest)).check;
    };
    EXPECT_EQ(check(0x1p60F), RowCheck::Good);
    EXPECT_EQ(check(std::nextafter(0x1p60F, 0x1p61F)), RowCheck::OutOfRange);
    EXPECT_EQ(check(0x1p-60F), RowCheck::Good);
    EXPECT_EQ(check(std::nextafter(0x1p-60F, 0.0F)), RowCheck::OutOfRange);
}

TEST(Int8, RotatedRowsReproduceTheDotProductOfGaussiansWithinOnePercent) {
    const std::vector<float> x = gaussian(1536, 7), w = gaussian(1536, 8);
    const Quantised qx = run(Pipeline::W8A8H, x), qw = run(Pipeline::W8A8H, w, true);
    double exact = 0, quantised = 0, size_x = 0, size_w = 0;
    for (size_t i = 0; i < x.size(); ++i) {
        exact += double{x[i]} * double{w[i]};
        quantised += double{qx.codes[i] * 1.0} * double{qw.codes[i] * 1.0};
        size_x += double{x[i]} * double{x[i]};
        size_w += double{w[i]} * double{w[i]};
    }
    quantised *= double{qx.scales[0]} * double{qw.scales[0]};
    EXPECT_NEAR(quantised, exact, 0.01 * std::sqrt(size_x * size_w));
}

TEST(Int8, CodesAndScalesAreTheSameBitsOnEveryMachine) {
    uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
    const auto add = [&hash](uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3u; };
    for (unsigned seed = 0; seed < 20; ++seed) {
        const Quantised q = run(Pipeline::W8A8H, gaussian(8960 - 32 * seed, seed));
        for (const int8_t code : q.codes) add(static_cast<uint8_t>(code));
        for (const float scale : q.scales) {
            const auto bits = std::bit_cast<uint32_t>(scale);
            for (unsigned shift = 0; shift < 32; shift += 8)
                add(static_cast<uint8_t>(bits >> shift));
        }
    }
    EXPECT_EQ(hash, 13940238322059114848u);
}

}  // namespace
}  // namespace rosenblatt::quant
