// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "compile/pack_features.hpp"
#include "compile/pack_weights.hpp"
#include "npu/cube.hpp"

namespace rosenblatt::compile {
namespace {

std::vector<int8_t> random_codes(size_t n, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<int8_t> codes(n);
    for (int8_t& code : codes) code = static_cast<int8_t>(random());
    return codes;
}

TEST(PackWeights, EveryCodeLandsWhereTheWeightCubeSays) {
    constexpr uint32_t n = 96, k = 160;
    const auto codes = random_codes(n * k, 1);
    const npu::WeightCube cube{.kernels = n, .channels = k};
    std::vector<int8_t> packed(cube.bytes());
    for (uint32_t kernel = 0; kernel < n; ++kernel)
        pack_kernel(&codes[kernel * k], k, kernel % 32, &packed[cube.group_offset(kernel / 32)]);
    for (uint32_t kernel = 0; kernel < n; ++kernel)
        for (uint32_t channel = 0; channel < k; ++channel)
            ASSERT_EQ(packed[cube.offset(kernel, channel)], codes[kernel * k + channel]);
}

TEST(PackWeights, UnpackingGivesTheKernelBack) {
    constexpr uint32_t k = 224;
    const auto codes = random_codes(k, 2);
    std::vector<int8_t> group(32 * k), back(k);
    pack_kernel(codes.data(), k, 17, group.data());
    unpack_kernel(group.data(), k, 17, back.data());
    EXPECT_EQ(back, codes);
}

TEST(PackWeights, EveryHalfLandsWhereTheWeightCubeSaysAndComesBack) {
    constexpr uint32_t n = 48, k = 160;
    std::mt19937 random(4);
    std::vector<uint16_t> codes(n * k);
    for (uint16_t& code : codes) code = static_cast<uint16_t>(random());
    const npu::WeightCube cube{.kernels = n, .channels = k, .element = npu::Element::Fp16};
    std::vector<uint16_t> packed(cube.bytes() / 2), back(k);
    const auto group = [&](uint32_t kernel) { return &packed[cube.group_offset(kernel / 16) / 2]; };
    for (uint32_t kernel = 0; kernel < n; ++kernel)
        pack_half_kernel(&codes[kernel * k], k, kernel % 16, group(kernel));
    for (uint32_t kernel = 0; kernel < n; ++kernel) {
        for (uint32_t channel = 0; channel < k; ++channel)
            ASSERT_EQ(packed[cube.offset(kernel, channel) / 2], codes[kernel * k + channel]);
        unpack_half_kernel(group(kernel), k, kernel % 16, back.data());
        EXPECT_TRUE(std::equal(back.begin(), back.end(), &codes[kernel * k]));
    }
}

TEST(PackFeatures, EveryCodeLandsWhereTheFeatureCubeSays) {
    constexpr uint32_t k = 96, height = 13;
    const auto codes = random_codes(height * k, 3);
    const npu::FeatureCube cube{.width = 1, .height = height, .channels = k};
    std::vector<int8_t> packed(cube.bytes());
    pack_features(codes.data(), k, 5, k, 0, height, packed.data());
    pack_features(&codes[5 * k], k, 8, k, 5, height, packed.data());
    for (uint32_t row = 0; row < height; ++row)
        for (uint32_t channel = 0; channel < k; ++channel)
            ASSERT_EQ(packed[cube.offset(channel, row, 0)], codes[row * k + channel]);
}

}  // namespace
}  // namespace rosenblatt::compile
