// SPDX-License-Identifier: MIT
// Whole tasks on the fast paths against the plain ones: random shapes, and every register
// disturbed.
#include <gtest/gtest.h>

#include "support/conv_case.hpp"
#include "support/float_case.hpp"
#include "support/simds.hpp"

namespace rosenblatt::emulator {
namespace {

using testing::ConvMemory;
using testing::ConvShape;
using testing::Stream;

struct Result {
    Completion completion;
    std::optional<FaultKind> fault;
    std::string sentence;
    std::vector<std::byte> memory;
};

/// Two tasks with the same registers: the second in the other register group, over what the first
/// left.
Result run_with(const Switches& path, const Stream& stream, uint32_t seed) {
    Switches switches = path;
    switches.work_limit = uint64_t{1} << 25;
    Core core{0, switches};
    ConvMemory memory(seed);
    memory.bus.views = path.fast;
    testing::run(core, memory.bus, stream);
    const TaskOutcome outcome = testing::run(core, memory.bus, stream);
    Result result{outcome.completion, std::nullopt, "", {}};
    if (outcome.fault) {
        result.fault = outcome.fault->kind;
        result.sentence = outcome.fault->sentence;
    }
    result.memory.assign(memory.output, memory.output + 2 * ConvMemory::k_output_bytes);
    return result;
}

/// The fast paths with every instruction set that this machine has, against the plain ones.
Result expect_equal(const Stream& stream, uint32_t seed, const std::string& where) {
    Result plain = run_with({.fast = false}, stream, seed);
    for (const Simd simd : testing::simds_here()) {
        const std::string what = where + " with " + name(simd);
        const Result fast = run_with({.simd = simd}, stream, seed);
        EXPECT_EQ(plain.completion, fast.completion)
            << what << ": " << plain.sentence << fast.sentence;
        EXPECT_EQ(plain.fault, fast.fault)
            << what << ": " << plain.sentence << " / " << fast.sentence;
        EXPECT_TRUE(plain.memory == fast.memory) << what;
    }
    return plain;
}

TEST(Paths, AreEqualOverRandomConvolutions) {
    constexpr uint32_t k_seed = 20;
    std::mt19937 random(k_seed);
    for (int run = 0; run < 100; ++run) {
        const ConvShape shape = testing::random_shape(random);
        const uint32_t seed = static_cast<uint32_t>(random());
        const std::string what = "seed " + std::to_string(k_seed) + " run " + std::to_string(run);
        Stream stream = testing::conv_stream(shape).tail(0x1d);
        const Result result = expect_equal(stream, seed, what);
        ASSERT_EQ(result.completion, Completion::Done) << what << ": " << result.sentence;
    }
}

/// int4 with int16 results: two elements per byte, groups of 64 kernels.
Stream int4_conv_stream(const ConvShape& s) {
    Stream w = testing::conv_stream(s);
    const uint32_t kernel_bytes = s.weight_bytes() / s.kernels / 2;
    const uint32_t channels = (s.kernels + 63) / 64 * 64;
    w.set(0x100c, 0x360).set(0x1030, kernel_bytes * s.kernels).set(0x1034, kernel_bytes);
    w.set(0x1184, 0xfb0d).set(0x3010, 0x601).set(0x3018, channels - 1).set(0x4010, 0x38000006);
    w.set(0x403c, (channels - 1) * 0x10001).set(0x4050, 7 << 8 | 7 << 5 | 7 << 2);
    w.set(0x4058, channels - 1).set(0x40c0, 8 * s.out_width() * s.out_height() << 4);
    return w.set(0x5014, channels - 1);
}

TEST(Paths, AreEqualOverRandomInt4Convolutions) {
    constexpr uint32_t k_seed = 21;
    std::mt19937 random(k_seed);
    for (int run = 0; run < 60; ++run) {
        ConvShape shape = testing::random_shape(random);
        if (shape.depthwise) continue;
        shape.width = std::min(shape.width, 8U);  // the results fit the memory
        shape.height = std::min(shape.height, 8U);
        if (shape.width + 2 * shape.pad < shape.span() ||
            shape.height + 2 * shape.pad < shape.span())
            continue;
        const uint32_t seed = static_cast<uint32_t>(random());
        const std::string what = "seed " + std::to_string(k_seed) + " run " + std::to_string(run);
        const Result result = expect_equal(int4_conv_stream(shape).tail(0x1d), seed, what);
        ASSERT_EQ(result.completion, Completion::Done) << what << ": " << result.sentence;
    }
}

/// Every register of the stream in turn gets single bits flipped; whatever comes of it, both paths
/// agree.
void disturb_all(const Stream& good, uint32_t mask, uint32_t seed) {
    std::mt19937 random(seed);
    for (const uint64_t word : good.words) {
        const auto offset = static_cast<uint32_t>(word & 0xffff);
        for (int change = 0; change < 3; ++change) {
            const uint32_t value = good.value(offset) ^ 1U << random() % 32;
            Stream stream = good;
            stream.set(offset, value).tail(mask);
            char what[64];
            std::snprintf(what, sizeof what, "register 0x%04x = 0x%08x, seed %u", offset, value,
                          seed);
            expect_equal(stream, seed, what);
            if (::testing::Test::HasFailure()) return;
        }
    }
}

void disturb_all(const ConvShape& shape, uint32_t seed) {
    disturb_all(testing::conv_stream(shape), 0x1d, seed);
}

TEST(Paths, AgreeWhenAnyRegisterOfAnInt4ConvolutionIsDisturbed) {
    disturb_all(
        int4_conv_stream(
            {.width = 5, .height = 4, .channels = 64, .kernels = 40, .kernel = 2, .pad = 1}),
        0x1d, 34);
}

TEST(Paths, AgreeWhenAnyRegisterOfAnFp16MatmulIsDisturbed) {
    disturb_all(testing::float_stream({6, 96, 48}, testing::k_fp16_fp32), 0xd, 35);
}

TEST(Paths, AgreeWhenAnyRegisterOfAMatmulIsDisturbed) {
    disturb_all({.width = 1, .height = 6, .channels = 96, .kernels = 64}, 31);
}

TEST(Paths, AgreeWhenAnyRegisterOfAConvolutionIsDisturbed) {
    disturb_all({.width = 7, .height = 9, .channels = 48, .kernels = 40, .kernel = 3, .pad = 1},
                32);
}

TEST(Paths, AgreeWhenAnyRegisterOfADepthwiseConvolutionIsDisturbed) {
    disturb_all({.width = 6,
                 .height = 5,
                 .channels = 80,
                 .kernels = 1,
                 .kernel = 3,
                 .pad = 1,
                 .depthwise = true},
                33);
}

TEST(Paths, AreEqualWhenFeaturesAreStreamedThroughOneBank) {
    const ConvShape shape{.width = 16,
                          .height = 60,
                          .channels = 96,
                          .kernels = 64,
                          .kernel = 3,
                          .stride = 2,
                          .pad = 1};
    Stream stream = testing::conv_stream(shape).set(0x1040, 11 << 4 | 1).tail(0x1d);
    ASSERT_EQ(run_with({}, stream, 5).completion, Completion::Done);
    expect_equal(stream, 5, "one bank");
    Stream roomy = testing::conv_stream(shape).set(0x1040, 8 << 4 | 4).tail(0x1d);
    EXPECT_TRUE(run_with({}, stream, 5).memory == run_with({}, roomy, 5).memory);
}

}  // namespace
}  // namespace rosenblatt::emulator
