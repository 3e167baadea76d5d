// SPDX-License-Identifier: MIT
// Every instruction set quantises a row to the plain form's bits.
#include "quant/row_kernels.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "random_input.hpp"

namespace rosenblatt::quant {
namespace {

struct Quantised {
    RowCheck check;
    std::vector<int8_t> codes;
    std::vector<uint32_t> scales;
};

Quantised run(QuantiseRow kernel, Pipeline pipeline, bool one_scale, const std::vector<float>& x) {
    const RowFormat format = row_format(pipeline, static_cast<int64_t>(x.size()));
    const auto padded = static_cast<size_t>(format.k_padded);
    std::vector<float> scratch(padded), scales(one_scale ? 1 : static_cast<size_t>(format.slices()));
    Quantised out;
    out.codes.resize(padded);
    out.check =
        kernel(format, one_scale, x.data(), scratch.data(), out.codes.data(), scales.data());
    for (const float scale : scales) out.scales.push_back(std::bit_cast<uint32_t>(scale));
    return out;
}

void expect_equal(const std::vector<float>& x, const std::string& what) {
    for (const Pipeline pipeline : {Pipeline::W8A8H, Pipeline::W8A8, Pipeline::W4A8})
        for (const bool one_scale : {false, true}) {
            const Quantised plain = run(quantise_row_plain, pipeline, one_scale, x);
            for (const Simd simd : sets_to_test()) {
                SCOPED_TRACE(what + ", K = " + std::to_string(x.size()) + ", " + name(pipeline) +
                             ", " + name(simd));
                const Quantised fast = run(quantise_row_kernel(simd), pipeline, one_scale, x);
                ASSERT_EQ(fast.check, plain.check);
                if (plain.check != RowCheck::Good) continue;
                EXPECT_EQ(fast.codes, plain.codes);
                EXPECT_EQ(fast.scales, plain.scales);
            }
        }
}

std::vector<float> gaussian(size_t n, std::mt19937_64& random, float outlier) {
    std::normal_distribution<float> gauss;
    std::vector<float> x(n);
    for (float& v : x) v = gauss(random);
    if (outlier != 0) x[random() % n] = outlier;
    return x;
}

TEST(RowKernels, QuantiseLikeThePlainFormForEveryBlockAndSliceLength) {
    const uint64_t seed = fresh_seed();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    for (const size_t k : {1, 31, 32, 33, 64, 96, 127, 128, 256, 512, 896, 1024, 1536, 2048, 2080, 4096,
                           4864, 8192, 8960, 14336, 70000})
        expect_equal(gaussian(k, random, 0), "Gaussian");
}

TEST(RowKernels, QuantiseLikeThePlainFormForRandomLengthsAndOutliers) {
    const uint64_t seed = fresh_seed();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    for (int trial = 0; trial < 200; ++trial) {
        const size_t k = 1 + random() % 5000;
        const float outlier = std::ldexp(1.0F, static_cast<int>(random() % 40) - 10);
        expect_equal(gaussian(k, random, outlier), "with an outlier");
    }
}

TEST(RowKernels, RefuseTheSameRows) {
    std::mt19937_64 random(1);
    constexpr float inf = std::numeric_limits<float>::infinity();
    for (const float bad : {inf, -inf, std::numeric_limits<float>::quiet_NaN(), 0x1p61F, 1e-40F}) {
        std::vector<float> x(300, 0.0F);
        x[random() % x.size()] = bad;
        expect_equal(x, "a value of " + std::to_string(bad));
    }
    expect_equal(std::vector<float>(500, 0.0F), "zeros");
    expect_equal(std::vector<float>(500, -0.0F), "negative zeros");
}

}  // namespace
}  // namespace rosenblatt::quant
