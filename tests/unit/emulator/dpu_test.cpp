// SPDX-License-Identifier: MIT
// The DPU's stages behind an int8 convolution: one stage at a time against arithmetic written out
// here.
#include <gtest/gtest.h>

#include <cmath>

#include "support/conv_case.hpp"

namespace rosenblatt::emulator {
namespace {

using testing::ConvMemory;
using testing::Matmul;
using testing::MatmulShape;
using testing::MemoryBus;
using testing::Stream;

constexpr MatmulShape k_shape{4, 64, 64};
constexpr uint32_t k_operands = 0x7000000;

/// A matmul whose int32 results pass through changed DPU registers.
struct DpuTest : ::testing::Test {
    Core core{0};
    MemoryBus bus;
    Matmul matmul{bus, k_shape, 1};
    Stream stream = testing::matmul_stream(k_shape);

    void run(uint32_t mask = 0xd) {
        const TaskOutcome outcome = testing::run(core, bus, stream.tail(mask));
        ASSERT_EQ(outcome.completion, Completion::Done) << outcome.fault->sentence;
    }
    void with_operands(uint32_t brdma, const std::vector<uint32_t>& words) {
        std::memcpy(bus.map(k_operands, words.size() * 4), words.data(), words.size() * 4);
        for (const uint32_t zero : {0x5018, 0x5028, 0x502c, 0x5038, 0x5040, 0x5048, 0x504c, 0x506c})
            stream.reg(zero, 0);
        stream.reg(0x5004, 0xe)
            .reg(0x500c, 0)
            .reg(0x5010, k_shape.m - 1)
            .reg(0x5014, k_shape.n - 1);
        stream.reg(0x501c, brdma).reg(0x5020, k_operands).reg(0x5034, 1).reg(0x5044, 0x7810);
    }
    template <typename Model>
    void expect(const Model& model) {
        for (uint32_t m = 0; m < k_shape.m; ++m)
            for (uint32_t n = 0; n < k_shape.n; ++n)
                ASSERT_EQ(matmul.result(m, n), model(int64_t{matmul.expected(m, n)}, m, n))
                    << m << ' ' << n;
    }
    int64_t input_sum(uint32_t m) const {
        int64_t sum = 0;
        for (uint32_t k = 0; k < k_shape.k; ++k) sum += matmul.feature(m, k);
        return sum;
    }
};

int64_t half_even(int64_t value, unsigned shift) {
    return static_cast<int64_t>(
        std::nearbyint(std::ldexp(static_cast<double>(value), -static_cast<int>(shift))));
}

TEST_F(DpuTest, CpendAddsTheSumOfTheInputsTimesItsOperand) {
    stream.set(0x4050, 0x7fc).set(0x4054, 0xfffb);  // OD_BYPASS off, -5
    ASSERT_NO_FATAL_FAILURE(run());
    expect([&](int64_t acc, uint32_t m, uint32_t) { return acc - 5 * input_sum(m); });
}

TEST_F(DpuTest, CpendNeedsQdEn) {
    stream.set(0x4050, 0x7fc).set(0x4054, 0xfffb).set(0x3010, 0);
    ASSERT_NO_FATAL_FAILURE(run());
    EXPECT_EQ(matmul.mismatches(), 0U);
}

TEST_F(DpuTest, ClipTruncateShiftsHalfToEvenOrHalfUp) {
    stream.set(0x301c, 1);
    ASSERT_NO_FATAL_FAILURE(run());
    expect([](int64_t acc, uint32_t, uint32_t) { return half_even(acc, 1); });
    stream = testing::matmul_stream(k_shape).set(0x301c, 1 << 6 | 1);
    ASSERT_NO_FATAL_FAILURE(run());
    expect([](int64_t acc, uint32_t, uint32_t) { return (acc + 1) >> 1; });
}

TEST_F(DpuTest, BsAddsPerChannelBeforeItMultipliesAndShiftsByTheSignOfTheProduct) {
    // DATA_USE 7: per 8 channels 8 x int32 A, 8 x int16 B (CPEND), 8 x int16 C (multiplier).
    std::vector<uint32_t> words;
    const auto a = [](uint32_t c) { return static_cast<int32_t>(c * 1001) - 30000; };
    const auto b = [](uint32_t c) { return static_cast<int16_t>(3 - static_cast<int>(c)); };
    const auto f = [](uint32_t c) {
        return static_cast<int16_t>(c % 2 ? -300 - static_cast<int>(c) : 500);
    };
    for (uint32_t group = 0; group < k_shape.n; group += 8) {
        for (uint32_t i = 0; i < 8; ++i) words.push_back(static_cast<uint32_t>(a(group + i)));
        for (const bool factor : {false, true})
            for (uint32_t i = 0; i < 8; i += 2) {
                const auto value = [&](uint32_t c) {
                    return static_cast<uint16_t>(factor ? f(c) : b(c));
                };
                words.push_back(value(group + i) | static_cast<uint32_t>(value(group + i + 1))
                                                       << 16);
            }
    }
    with_operands(0xe, words);
    stream.set(0x4040, 0x20140).set(0x4048, 7 << 8 | 1).set(0x4010, 0x80000000 | 3 << 4);
    stream.set(0x4050, 0x7fd).set(0x4054, 0);  // OW_SRC: CPEND's operand from memory
    ASSERT_NO_FATAL_FAILURE(run(0x1d));
    expect([&](int64_t acc, uint32_t m, uint32_t n) {
        const int64_t product = (acc + b(n) * input_sum(m) + a(n)) * f(n);
        return half_even(product, product >= 0 ? 7 : 3);
    });
}

TEST_F(DpuTest, ReluAndReluXClamp) {
    stream.set(0x4040, 0x12);  // BS on, ALU and MUL bypassed, ReLU live
    ASSERT_NO_FATAL_FAILURE(run());
    expect([](int64_t acc, uint32_t, uint32_t) { return std::max<int64_t>(acc, 0); });
    stream = testing::matmul_stream(k_shape).set(0x4060, 0x92).set(0x406c, 1000);
    ASSERT_NO_FATAL_FAILURE(run());
    expect([](int64_t acc, uint32_t, uint32_t) { return std::clamp<int64_t>(acc, 0, 1000); });
}

TEST_F(DpuTest, BnMultipliesBeforeItAddsUnlessSwitched) {
    stream.set(0x4060, 0x20040).set(0x4064, 7).set(0x4068, 3 << 16);
    ASSERT_NO_FATAL_FAILURE(run());
    expect([](int64_t acc, uint32_t, uint32_t) { return acc * 3 + 7; });
    core.set_switches({.bn_multiplies_first = false});
    stream = testing::matmul_stream(k_shape);
    stream.set(0x4060, 0x20040).set(0x4064, 7).set(0x4068, 3 << 16);
    ASSERT_NO_FATAL_FAILURE(run());
    expect([](int64_t acc, uint32_t, uint32_t) { return (acc + 7) * 3; });
}

TEST_F(DpuTest, PreluMultipliesOnlyNegativeValues) {
    stream.set(0x4040, 0x62).set(0x4048, 5 << 16);
    ASSERT_NO_FATAL_FAILURE(run());
    expect([](int64_t acc, uint32_t, uint32_t) { return acc < 0 ? acc * 5 : acc; });
}

TEST_F(DpuTest, OutCvtRoundsAsCvtRoundOrTheSwitchSays) {
    const auto with = [&](uint32_t shift_register, OutCvtRounding rounding) {
        core.set_switches({.out_cvt_rounding = rounding});
        stream = testing::matmul_stream(k_shape).set(0x4080, 9).set(0x4088, shift_register);
        ASSERT_NO_FATAL_FAILURE(run());
    };
    with(1, OutCvtRounding::Register);
    expect([](int64_t acc, uint32_t, uint32_t) { return half_even(acc, 1) + 9; });
    with(1U << 30 | 1, OutCvtRounding::Register);
    expect([](int64_t acc, uint32_t, uint32_t) {
        return (acc < 0 ? -((1 - acc) / 2) : (acc + 1) / 2) + 9;
    });
    with(1, OutCvtRounding::ByWidth);
    expect([](int64_t acc, uint32_t, uint32_t) { return (acc >> 1) + 9; });
    with(1, OutCvtRounding::HalfUp);
    expect([](int64_t acc, uint32_t, uint32_t) { return ((acc + 1) >> 1) + 9; });
    with(1U << 31 | 1, OutCvtRounding::Register);  // CVT_TYPE: add first
    expect([](int64_t acc, uint32_t, uint32_t) { return half_even(acc + 9, 1); });
}

TEST_F(DpuTest, OutCvtsScaleIsSigned) {
    stream.set(0x4084, 0xffff);
    ASSERT_NO_FATAL_FAILURE(run());
    expect([](int64_t acc, uint32_t, uint32_t) { return -acc; });
}

TEST_F(DpuTest, NarrowResultsSaturateAfterTheOffset) {
    stream.set(0x4010, 0).set(0x4050, 0x126).set(0x40c0, 2 * k_shape.m << 4).set(0x4080, 100);
    ASSERT_NO_FATAL_FAILURE(run());
    for (uint32_t m = 0; m < k_shape.m; ++m)
        for (uint32_t n = 0; n < k_shape.n; ++n)
            ASSERT_EQ(static_cast<int8_t>(matmul.c[(n / 16 * k_shape.m + m) * 16 + n % 16]),
                      std::clamp(matmul.expected(m, n) + 100, -128, 127));
}

TEST_F(DpuTest, ChannelsPastTheOriginalOnesAreOffsetPend) {
    stream.set(0x403c, 39 << 16 | 63).set(0x4014, 77);
    ASSERT_NO_FATAL_FAILURE(run());
    expect([](int64_t acc, uint32_t, uint32_t n) { return n < 40 ? acc : 77; });
}

TEST_F(DpuTest, AStageThatWaitsForOperandsNobodyFetchesHangs) {
    const TaskOutcome outcome = testing::run(core, bus, stream.set(0x4040, 0x20150).tail(0xd));
    EXPECT_EQ(outcome.completion, Completion::Hung);
    EXPECT_EQ(outcome.fault->kind, FaultKind::BlockWaits);
}

/// Mesa's residual add: the operand's surfaces are read in turns by MRDMA (even) and ERDMA (odd).
TEST(FusedAdd, TakesEvenSurfacesFromMrdmaAndOddOnesFromErdma) {
    const testing::ConvShape shape{.width = 4, .height = 3, .channels = 32, .kernels = 64};
    const uint32_t map = 12;
    constexpr uint32_t k_operand = 0x6000000;
    Core core{0};
    ConvMemory memory(3);
    std::byte* operand = memory.bus.map(k_operand, size_t{map} * 64);
    testing::fill_random(operand, size_t{map} * 64, 9);
    Stream plain = testing::conv_stream(shape).set(0x4080, 0).set(0x4084, 1).set(0x4088, 6);
    plain.set(0x4010, 0x80000000).set(0x4050, 0x7fc).set(0x40c0, 8 * map << 4);  // int32 results
    Stream added = plain;
    added.set(0x4070, 0x904202c0);  // CVT_TYPE 1, per pixel, 8 bit, add, operand from ERDMA
    added.set(0x4074, 10).set(0x4078, 2 << 16 | 12);  // (operand + 10) * 12 >> 2
    added.set(0x5018, k_operand).set(0x5034, 0x40000004).set(0x5038, k_operand + map * 16);
    added.set(0x5040, map << 4).set(0x5044, 15 << 11 | 5 << 8).set(0x504c, map << 4);
    added.set(0x506c, map << 4);
    plain.set(0x4088, 0);
    added.set(0x4088, 0);
    ASSERT_EQ(testing::run(core, memory.bus, plain.tail(0x1d)).completion, Completion::Done);
    const std::vector<std::byte> before(memory.output,
                                        memory.output + 2 * ConvMemory::k_output_bytes);
    const auto outcome = testing::run(core, memory.bus, added.tail(0x1d));
    ASSERT_EQ(outcome.completion, Completion::Done) << outcome.fault->sentence;
    const std::byte* results = memory.output + ConvMemory::k_output_bytes / 2;
    for (uint32_t c = 0; c < 64; ++c)
        for (uint32_t pixel = 0; pixel < map; ++pixel) {
            const size_t at = (size_t{c / 4} * map + pixel) * 16 + c % 4 * 4;
            int32_t base, sum;
            std::memcpy(&base, before.data() + ConvMemory::k_output_bytes / 2 + at, 4);
            std::memcpy(&sum, results + at, 4);
            const auto value = static_cast<int8_t>(operand[(c / 16 * map + pixel) * 16 + c % 16]);
            ASSERT_EQ(sum, base + half_even((value + 10) * 12, 2)) << c << ' ' << pixel;
        }
}

}  // namespace
}  // namespace rosenblatt::emulator
