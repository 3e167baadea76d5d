// SPDX-License-Identifier: MIT
// Element types: int4 saturates, tf32 truncates, bf16 and fp16 as documented.
#include <gtest/gtest.h>

#include <bit>

#include "npu/convert.hpp"
#include "support/float_case.hpp"

namespace rosenblatt::emulator {
namespace {

using testing::FloatKind;
using testing::FloatMatmul;
using testing::MatmulShape;
using testing::MemoryBus;

struct TypesTest : ::testing::Test {
    Core core{0, {.strict = true, .poison = true}};
    MemoryBus bus;

    void run(const MatmulShape& shape, const FloatKind& kind) {
        const TaskOutcome outcome =
            testing::run(core, bus, testing::float_stream(shape, kind).tail(0xd));
        ASSERT_EQ(outcome.completion, Completion::Done) << outcome.fault->sentence;
    }
};

void put16(std::byte* at, uint16_t value) {
    std::memcpy(at, &value, sizeof value);
}
void put32(std::byte* at, float value) {
    std::memcpy(at, &value, sizeof value);
}

TEST_F(TypesTest, Int4MultipliesNibblesAndSaturatesAtInt16) {
    constexpr MatmulShape shape{2, 1024, 64};
    FloatMatmul matmul(bus, shape, testing::k_int4_int16);
    // Row 0 all 7, row 1 all -8; columns 7 in even n, 1 in odd n: 1024 * 49 leaves int16.
    for (uint32_t k = 0; k < shape.k; k += 2) {
        *matmul.feature(0, k) = std::byte{0x77};
        *matmul.feature(1, k) = std::byte{0x88};
        for (uint32_t n = 0; n < shape.n; ++n)
            *matmul.weight(k, n) = n % 2 == 0 ? std::byte{0x77} : std::byte{0x11};
    }
    ASSERT_NO_FATAL_FAILURE(run(shape, testing::k_int4_int16));
    EXPECT_EQ(matmul.result<int16_t>(0, 0), 32767);
    EXPECT_EQ(matmul.result<int16_t>(0, 1), 7168);
    EXPECT_EQ(matmul.result<int16_t>(1, 2), -32768);
    EXPECT_EQ(matmul.result<int16_t>(1, 63), -8192);
}

TEST_F(TypesTest, Int4TakesTheLowNibbleFirst) {
    constexpr MatmulShape shape{1, 32, 64};
    FloatMatmul matmul(bus, shape, testing::k_int4_int16);
    *matmul.feature(0, 0) = std::byte{0x32};  // k = 0: 2, k = 1: 3
    *matmul.weight(0, 5) = std::byte{0xf1};   // k = 0: 1, k = 1: -1
    ASSERT_NO_FATAL_FAILURE(run(shape, testing::k_int4_int16));
    EXPECT_EQ(matmul.result<int16_t>(0, 5), 2 - 3);
}

TEST_F(TypesTest, Fp16RoundsEachGroupOf32OnceAndAddsTheGroupsInOrder) {
    constexpr MatmulShape shape{1, 96, 16};
    FloatMatmul matmul(bus, shape, testing::k_fp16_fp32);
    // Kernel 3 meets 2^24 in group 0 and a one in groups 1 and 2: each is lost in a tie to even.
    // For kernel 4 the ones lie in group 0 and count.
    for (const uint32_t k : {0U, 1U, 2U, 32U, 64U}) {
        const float size = k == 0 ? 4096.0F : 1.0F;
        put16(matmul.feature(0, k), npu::fp16_from_fp32(size));
        if (k == 0 || k >= 32) put16(matmul.weight(k, 3), npu::fp16_from_fp32(size));
        if (k < 32) put16(matmul.weight(k, 4), npu::fp16_from_fp32(size));
    }
    ASSERT_NO_FATAL_FAILURE(run(shape, testing::k_fp16_fp32));
    EXPECT_EQ(matmul.result<float>(0, 3), 16777216.0F);
    EXPECT_EQ(matmul.result<float>(0, 4), 16777218.0F);
    EXPECT_EQ(matmul.result<float>(0, 5), 0.0F);
}

TEST_F(TypesTest, AGroupOfFp16ThatNoDoubleHoldsIsRoundedOnceToo) {
    constexpr MatmulShape shape{1, 32, 16};
    for (const Simd simd : {Simd::Plain, Simd::Sse4, Simd::Avx2, Simd::Avx512, Simd::Neon}) {
        core = Core{0, {.strict = true, .poison = true, .simd = std::min(simd, best_simd())}};
        FloatMatmul matmul(bus, shape, testing::k_fp16_fp32);
        const auto put = [&](uint32_t k, float a, float w) {
            put16(matmul.feature(0, k), npu::fp16_from_fp32(a));
            put16(matmul.weight(k, 5), npu::fp16_from_fp32(w));
        };
        for (uint32_t k = 0; k < 16; ++k) put(k, 4, 4);  // 256
        put(16, 0x1p-8F, 0x1p-8F);                       // half a unit in its last place: a tie
        put(17, 0x1.004p-14F, 0x1.004p-14F);             // 2^-28 + 2^-37 + 2^-48
        put(18, -0x1p-14F, 0x1.008p-14F);                // 2^-48 remains, beyond a double's 53 bits
        ASSERT_NO_FATAL_FAILURE(run(shape, testing::k_fp16_fp32));
        EXPECT_EQ(matmul.result<float>(0, 5), 256 + 0x1p-15F);
    }
}

TEST_F(TypesTest, Fp16KeepsSubnormalInputs) {
    constexpr MatmulShape shape{1, 32, 16};
    FloatMatmul matmul(bus, shape, testing::k_fp16_fp32);
    put16(matmul.feature(0, 0), 0x0001);  // 2^-24
    put16(matmul.weight(0, 0), 0x0003);
    ASSERT_NO_FATAL_FAILURE(run(shape, testing::k_fp16_fp32));
    EXPECT_EQ(matmul.result<float>(0, 0), 0x1.8p-47F);
}

TEST_F(TypesTest, Fp16OutputRoundsToNearestEvenAndOverflowsToInfinity) {
    constexpr MatmulShape shape{2, 32, 16};
    FloatMatmul matmul(bus, shape, testing::k_fp16_fp16);
    put16(matmul.feature(0, 0), npu::fp16_from_fp32(2049));
    put16(matmul.feature(0, 1), npu::fp16_from_fp32(1));
    put16(matmul.feature(1, 0), npu::fp16_from_fp32(60000));
    put16(matmul.weight(0, 0), npu::fp16_from_fp32(1));
    put16(matmul.weight(0, 1), npu::fp16_from_fp32(2));
    put16(matmul.weight(1, 0), npu::fp16_from_fp32(1));
    ASSERT_NO_FATAL_FAILURE(run(shape, testing::k_fp16_fp16));
    EXPECT_EQ(matmul.result<uint16_t>(0, 0), npu::fp16_from_fp32(2048));  // 2048 + 1: a tie
    EXPECT_EQ(matmul.result<uint16_t>(1, 1), 0x7c00);
}

TEST_F(TypesTest, Fp16DepthwiseGivesEveryGroupOf32ChannelsItsOwnWeights) {
    constexpr MatmulShape shape{3, 96, 96};
    FloatMatmul matmul(bus, shape, testing::k_fp16_fp16);
    auto stream = testing::float_stream(shape, testing::k_fp16_fp16);
    stream.set(0x100c, 0x123).set(0x3010, 0x203).set(0x400c, 0x1fc);  // depthwise in all three
    stream.set(0x1030, shape.k * 2).set(0x1034, shape.k * 2).set(0x1038, 1 << 24 | 1 << 16 | 1);
    stream.set(0x4050, 3 << 8 | 3 << 5 | 3 << 2 | 2).set(0x40c0, 4 * shape.m << 4);  // four atoms
    const auto half = [](uint32_t value) { return npu::fp16_from_fp32(static_cast<float>(value)); };
    for (uint32_t c = 0; c < shape.k; ++c) {
        put16(matmul.b + 2 * c, half(c + 1));
        for (uint32_t m = 0; m < shape.m; ++m) put16(matmul.feature(m, c), half(m + 2));
    }
    const TaskOutcome outcome = testing::run(core, bus, stream.tail(0xd));
    ASSERT_EQ(outcome.completion, Completion::Done) << outcome.fault->sentence;
    for (uint32_t c = 0; c < shape.k; ++c)
        for (uint32_t m = 0; m < shape.m; ++m)
            EXPECT_EQ(matmul.result<uint16_t>(m, c), half((c + 1) * (m + 2))) << c << ", " << m;
}

TEST_F(TypesTest, Tf32TruncatesBothOperands) {
    constexpr MatmulShape shape{1, 16, 16};
    FloatMatmul matmul(bus, shape, testing::k_tf32_fp32);
    put32(matmul.feature(0, 0), std::bit_cast<float>(0x3f801fffU));  // 1 + almost 2^-10
    put32(matmul.weight(0, 0), std::bit_cast<float>(0x40003fffU));
    ASSERT_NO_FATAL_FAILURE(run(shape, testing::k_tf32_fp32));
    EXPECT_EQ(matmul.result<float>(0, 0), std::bit_cast<float>(0x40002000U));
}

TEST_F(TypesTest, Tf32WeightsComeInTilesOf16ChannelsAnd16Kernels) {
    constexpr MatmulShape shape{1, 32, 32};
    FloatMatmul matmul(bus, shape, testing::k_tf32_fp32);
    put32(matmul.feature(0, 17), 3);
    // Group of kernels 1, channel tile 1, kernel 2 in it, channel 1 in it: 1 KiB a tile.
    put32(matmul.b + 3 * 1024 + 2 * 64 + 4, 5);
    ASSERT_NO_FATAL_FAILURE(run(shape, testing::k_tf32_fp32));
    EXPECT_EQ(matmul.result<float>(0, 18), 15);
}

TEST_F(TypesTest, Bf16ProductsAreExact) {
    constexpr MatmulShape shape{1, 32, 16};
    FloatMatmul matmul(bus, shape, testing::k_bf16_fp32);
    put16(matmul.feature(0, 0), 0x3f81);  // 1 + 2^-7
    put16(matmul.weight(0, 0), 0x3f81);
    ASSERT_NO_FATAL_FAILURE(run(shape, testing::k_bf16_fp32));
    EXPECT_EQ(matmul.result<float>(0, 0), 1.0F + 0x1p-6F + 0x1p-14F);
}

TEST_F(TypesTest, Int8CanBeWrittenAsFp32AndFp16) {
    constexpr MatmulShape shape{3, 64, 64};
    testing::Matmul matmul(bus, shape, 12);
    auto stream = testing::matmul_stream(shape).set(0x4010, 0xa0000000).tail(0xd);
    ASSERT_EQ(testing::run(core, bus, stream).completion, Completion::Done);
    EXPECT_EQ(std::bit_cast<float>(matmul.result(2, 63)),
              static_cast<float>(matmul.expected(2, 63)));
    // fp16: four atoms per kernel group, SURFACE_ADD four surfaces.
    stream = testing::matmul_stream(shape).set(0x4010, 0x40000000).set(0x4084, 0x10001);
    stream.set(0x4050, 0x36e).set(0x40c0, 4 * shape.m << 4).tail(0xd);
    ASSERT_EQ(testing::run(core, bus, stream).completion, Completion::Done);
    uint16_t half;
    std::memcpy(&half, matmul.c + ((63 / 8 * shape.m + 2) * 8 + 63 % 8) * 2, 2);
    EXPECT_EQ(half, npu::fp16_from_fp32(static_cast<float>(matmul.expected(2, 63))));
}

TEST_F(TypesTest, Int16IsANamedFault) {
    auto stream = testing::matmul_stream({1, 32, 32}).set(0x100c, 0x90).tail(0xd);
    const TaskOutcome outcome = testing::run(core, bus, stream);
    ASSERT_TRUE(outcome.fault);
    EXPECT_EQ(outcome.fault->kind, FaultKind::Unsupported);
}

}  // namespace
}  // namespace rosenblatt::emulator
