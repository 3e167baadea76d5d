// SPDX-License-Identifier: MIT
// DPU and DPU_RDMA alone: integer accumulation, fp16 elementwise, LUT.
#include <gtest/gtest.h>

#include <cmath>

#include "npu/convert.hpp"
#include "support/emulator_bench.hpp"

namespace rosenblatt::emulator {
namespace {

using testing::MemoryBus;
using testing::Stream;

constexpr uint32_t k_main = 0x100000, k_operand = 0x200000, k_result = 0x300000;

/// An elementwise stream over a cube of `pixels` x 1 x `channels`; codes as published (see
/// docs/numerics.md).
Stream flying(uint32_t pixels, uint32_t channels, uint32_t precision, uint32_t ew, uint32_t size) {
    Stream w;
    const uint32_t c = channels - 1;
    w.reg(0x4004, 0xe).reg(0x5004, 0xe).reg(0x400c, 0x1e5);
    w.reg(0x4010, precision << 29 | precision << 26 | precision)
        .reg(0x4014, 0)
        .reg(0x4020, k_result);
    w.reg(0x4024, pixels << 4).reg(0x4030, pixels - 1).reg(0x4034, 0).reg(0x4038, 0);
    w.reg(0x403c, c << 16 | c).reg(0x4040, 0x53).reg(0x4044, 0).reg(0x4048, 0).reg(0x404c, 0);
    w.reg(0x4050, 2).reg(0x4054, 0).reg(0x4058, c).reg(0x405c, pixels - 1);
    w.reg(0x4060, 0x53).reg(0x4064, 0).reg(0x4068, 0).reg(0x406c, 0);
    w.reg(0x4070, ew).reg(0x4074, 0).reg(0x4078, 1).reg(0x407c, 0);
    w.reg(0x4080, 0).reg(0x4084, precision == 2 ? 0x10001 : 1).reg(0x4088, 0);
    w.reg(0x40c0, pixels << 4).reg(0x40c4, 0);
    w.reg(0x500c, pixels - 1).reg(0x5010, 0).reg(0x5014, c).reg(0x5018, k_main).reg(0x501c, 0);
    w.reg(0x5020, 0).reg(0x5028, 0).reg(0x502c, 0).reg(0x5034, 0x40000000 | size << 2);
    w.reg(0x5038, k_operand).reg(0x5040, pixels << 4);
    w.reg(0x5044, precision << 15 | 15 << 11 | precision << 5 | 1).reg(0x5048, 0).reg(0x504c, 0);
    w.reg(0x5064, 0).reg(0x5068, 0x01010101).reg(0x506c, 0);
    return w;
}

struct FlyingTest : ::testing::Test {
    Core core{0, {.strict = true}};
    MemoryBus bus;
    std::byte* main = bus.map(k_main, 0x10000);
    std::byte* operand = bus.map(k_operand, 0x10000);
    std::byte* result = bus.map(k_result, 0x10000);

    TaskOutcome run(Stream stream) { return testing::run(core, bus, stream.tail(0x18)); }
    void expect_done(const Stream& stream) {
        const TaskOutcome outcome = run(stream);
        ASSERT_EQ(outcome.completion, Completion::Done) << outcome.fault->sentence;
    }
    template <typename T>
    T at(const std::byte* base, size_t index) const {
        T value;
        std::memcpy(&value, base + index * sizeof(T), sizeof value);
        return value;
    }
};

TEST_F(FlyingTest, Int32AddIsExactAndSaturates) {
    testing::fill_random(main, 64 * 64 * 4, 1);
    testing::fill_random(operand, 64 * 64 * 4, 2);
    ASSERT_NO_FATAL_FAILURE(expect_done(flying(64, 64, 4, 0x10c203c0, 3)));
    for (size_t i = 0; i < 64 * 64; ++i) {
        const int64_t sum = int64_t{at<int32_t>(main, i)} + at<int32_t>(operand, i);
        ASSERT_EQ(at<int32_t>(result, i), npu::saturate_to<int32_t>(sum)) << i;
    }
}

TEST_F(FlyingTest, AKAccumulationChainAddsPartialSumsInPlaceOfTheFirst) {
    std::vector<int64_t> sums(256);
    std::memset(main, 0, 1024);
    for (uint32_t step = 0; step < 5; ++step) {
        testing::fill_random(operand, 1024, step);
        for (size_t i = 0; i < 256; ++i) {
            const int32_t partial = at<int32_t>(operand, i) / 8;
            std::memcpy(operand + i * 4, &partial, 4);
            sums[i] += partial;
        }
        ASSERT_NO_FATAL_FAILURE(expect_done(flying(16, 16, 4, 0x10c203c0, 3)));
        std::memcpy(main, result, 1024);
    }
    for (size_t i = 0; i < 256; ++i)
        ASSERT_EQ(at<int32_t>(result, i), npu::saturate_to<int32_t>(sums[i]));
}

TEST_F(FlyingTest, Int32MultiplicationReadsTheOperandAsInt16) {
    testing::fill_random(main, 1024, 3);
    testing::fill_random(operand, 1024, 4);
    ASSERT_NO_FATAL_FAILURE(expect_done(flying(16, 16, 4, 0x10c003c4, 3)));
    for (size_t i = 0; i < 256; ++i) {
        const int64_t product = int64_t{at<int32_t>(main, i)} * at<int16_t>(operand, i * 2);
        ASSERT_EQ(at<int32_t>(result, i), npu::saturate_to<int32_t>(product));
    }
}

TEST_F(FlyingTest, Int8MaxAndMinusSaturate) {
    testing::fill_random(main, 512, 5);
    testing::fill_random(operand, 512, 6);
    ASSERT_NO_FATAL_FAILURE(expect_done(flying(16, 32, 0, 0x106003c0, 1)));
    for (size_t i = 0; i < 512; ++i)
        ASSERT_EQ(at<int8_t>(result, i), std::max(at<int8_t>(main, i), at<int8_t>(operand, i)));
    ASSERT_NO_FATAL_FAILURE(expect_done(flying(16, 32, 0, 0x104403c0, 1)));
    for (size_t i = 0; i < 512; ++i)
        ASSERT_EQ(at<int8_t>(result, i),
                  std::clamp(at<int8_t>(main, i) - at<int8_t>(operand, i), -128, 127));
}

TEST_F(FlyingTest, Fp16AddAndMultiplyRoundOnce) {
    for (size_t i = 0; i < 256; ++i) {
        const uint16_t a = npu::fp16_from_fp32(static_cast<float>(i) * 0.37F - 40);
        const uint16_t b = npu::fp16_from_fp32(1.0F / (static_cast<float>(i) + 0.3F));
        std::memcpy(main + i * 2, &a, 2);
        std::memcpy(operand + i * 2, &b, 2);
    }
    for (const bool multiply : {false, true}) {
        ASSERT_NO_FATAL_FAILURE(
            expect_done(flying(16, 16, 2, multiply ? 0x108003c4 : 0x108202c0, 2)));
        for (size_t i = 0; i < 256; ++i) {
            const float a = npu::fp32_from_fp16(at<uint16_t>(main, i));
            const float b = npu::fp32_from_fp16(at<uint16_t>(operand, i));
            ASSERT_EQ(at<uint16_t>(result, i), npu::fp16_from_fp32(multiply ? a * b : a + b)) << i;
        }
    }
}

TEST_F(FlyingTest, ConfigurationsThatTimeOutOnSiliconHang) {
    const Stream good = flying(16, 16, 4, 0x10c203c0, 3);
    EXPECT_EQ(run(Stream(good).set(0x5044, good.value(0x5044) | 5 << 8)).completion,
              Completion::Hung);
    core.reset();
    EXPECT_EQ(run(Stream(good).set(0x5044, good.value(0x5044) | 1 << 4)).completion,
              Completion::Hung);
    core.reset();
    EXPECT_EQ(run(Stream(good).set(0x400c, 0x1e4)).completion, Completion::Hung);
    core.reset();
    EXPECT_EQ(run(flying(16, 16, 2, 0x108002c4, 2)).completion, Completion::Hung);
    core.reset();
    EXPECT_EQ(run(Stream(good).set(0x5014, 31)).completion, Completion::Hung);
}

/// Sigmoid as the notes program it: index = x * 2596, tables in Q15 with entries 32 apart, LE below
/// 0.
TEST_F(FlyingTest, TheLutInterpolatesSigmoid) {
    Stream stream = flying(32, 8, 2, 0x302, 2);
    const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
    Stream upload;
    for (const uint32_t table : {0U, 1U}) {
        upload.reg(0x4100, 1 << 17 | table << 16);
        for (int i = 0; i < 513; ++i) {
            const double x = (i + (table == 0 ? -512 : 0)) * 32 / 2596.0;
            upload.reg(0x4104, static_cast<uint32_t>(std::lround(sigmoid(x) * 32768)) & 0xffff);
        }
    }
    stream.set(0x5034, 1).set(0x4060, 0x20040).set(0x4064, 0x80000000).set(0x4068, 0x6912U << 16);
    stream.reg(0x4108, 1 << 6 | 1 << 5 | 2 << 2).reg(0x410c, 5 << 16 | 5 << 8);
    stream.reg(0x4110, 0xffffc000).reg(0x4114, 0).reg(0x4118, 0).reg(0x411c, 0x4000);
    stream.reg(0x4120, 23107).reg(0x4124, 22).reg(0x4128, 0).reg(0x412c, 0);
    stream.set(0x4088, 1U << 31 | 15 << 12).set(0x4080, 0);
    upload.words.insert(upload.words.end(), stream.words.begin(), stream.words.end());
    for (size_t i = 0; i < 256; ++i) {
        const uint16_t x = npu::fp16_from_fp32(static_cast<float>(i) / 25 - 5.1F);
        std::memcpy(main + i * 2, &x, 2);
    }
    ASSERT_NO_FATAL_FAILURE(expect_done(upload));
    for (size_t i = 0; i < 256; ++i)
        ASSERT_NEAR(npu::fp32_from_fp16(at<uint16_t>(result, i)),
                    sigmoid(npu::fp32_from_fp16(at<uint16_t>(main, i))), 0.0015)
            << i;
}

}  // namespace
}  // namespace rosenblatt::emulator
