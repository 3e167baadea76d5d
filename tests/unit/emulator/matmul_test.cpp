// SPDX-License-Identifier: MIT
// int8 matmul tasks against a triple loop: shapes with few rows, streamed features, scattered
// memory.
#include <gtest/gtest.h>

#include "support/emulator_bench.hpp"

namespace rosenblatt::emulator {
namespace {

using testing::Matmul;
using testing::matmul_stream;
using testing::MatmulShape;
using testing::MemoryBus;

TaskOutcome run_matmul(const MatmulShape& shape, bool views, bool fast, size_t& mismatches) {
    Core core{0, {.strict = true, .poison = true, .fast = fast}};
    MemoryBus bus;
    bus.views = views;
    Matmul matmul(bus, shape, shape.m + shape.k + shape.n);
    TaskOutcome outcome = run(core, bus, matmul_stream(shape).tail(0xd));
    mismatches = matmul.mismatches();
    return outcome;
}

class MatmulShapes : public ::testing::TestWithParam<MatmulShape> {};

TEST_P(MatmulShapes, AreExactWithAndWithoutViewsPlainAndFast) {
    for (const bool views : {true, false})
        for (const bool fast : {true, false}) {
            size_t wrong = 0;
            const TaskOutcome outcome = run_matmul(GetParam(), views, fast, wrong);
            ASSERT_EQ(outcome.completion, Completion::Done) << outcome.fault->sentence;
            EXPECT_EQ(wrong, 0U) << "views " << views << " fast " << fast;
        }
}

INSTANTIATE_TEST_SUITE_P(Few, MatmulShapes,
                         ::testing::Values(MatmulShape{1, 32, 32}, MatmulShape{2, 64, 32},
                                           MatmulShape{3, 96, 64}, MatmulShape{5, 32, 96},
                                           MatmulShape{6, 160, 32}, MatmulShape{1, 8192, 64},
                                           MatmulShape{33, 1536, 64}, MatmulShape{200, 64, 32},
                                           MatmulShape{300, 1536, 32}, MatmulShape{1, 64, 4096}),
                         [](const auto& shape) {
                             return "M" + std::to_string(shape.param.m) + "K" +
                                    std::to_string(shape.param.k) + "N" +
                                    std::to_string(shape.param.n);
                         });

TEST(MatmulTask, CountsItsWork) {
    size_t wrong = 0;
    const TaskOutcome outcome = run_matmul({6, 160, 64}, true, true, wrong);
    EXPECT_EQ(outcome.mac_cycles, 6U * 5 * 2);
    EXPECT_EQ(outcome.work.feature_bytes, 6U * 160);
    EXPECT_EQ(outcome.work.weight_bytes, 160U * 64);
    EXPECT_EQ(outcome.work.output_bytes, 6U * 64 * 4);
    EXPECT_EQ(outcome.work.words % 2, 0U);
}

TEST(MatmulTask, ReadsRowMajorFeaturesAndWritesRowMajorResults) {
    constexpr MatmulShape shape{7, 96, 64};
    Core core{0, {.strict = true}};
    MemoryBus bus;
    Matmul matmul(bus, shape, 4);
    auto stream = matmul_stream(shape);
    stream.set(0x100c, 1 << 29).set(0x107c, shape.k / 16).set(0x1080, 0);
    stream.set(0x4024, 1 << 4).set(0x4038, (shape.n / 4 - 1) << 16 | (shape.n / 4 - 1));
    stream.set(0x40c0, 8 << 4);
    const auto outcome = run(core, bus, stream.tail(0xd));
    ASSERT_EQ(outcome.completion, Completion::Done) << outcome.fault->sentence;
    for (uint32_t m = 0; m < shape.m; ++m)
        for (uint32_t n = 0; n < shape.n; ++n) {
            int32_t sum = 0;
            for (uint32_t k = 0; k < shape.k; ++k)
                sum += static_cast<int8_t>(matmul.a[m * shape.k + k]) * matmul.weight(k, n);
            int32_t value;
            std::memcpy(&value, matmul.c + (m * shape.n + n) * 4, 4);
            ASSERT_EQ(value, sum) << m << ' ' << n;
        }
}

/// A [M/W][K/16][W][16] and C [M/W][N/4][W][4]: one line of W rows per panel
/// (hardware.md 4.1, 4.5).
TEST(MatmulTask, ReadsAndWritesPanelsOf8And16Rows) {
    for (const uint32_t w : {8U, 16U}) {
        const MatmulShape shape{3 * w, 96, 64};
        const uint32_t panels = shape.m / w;
        Core core{0, {.strict = true}};
        MemoryBus bus;
        Matmul matmul(bus, shape, 5);
        auto stream = matmul_stream(shape);
        stream.set(0x100c, 1 << 29).set(0x1020, w << 16 | panels).set(0x1028, w);
        stream.set(0x1044, w * shape.k / 64).set(0x107c, shape.k / 16 * w).set(0x1080, 0);
        stream.set(0x1084, w << 16 | panels).set(0x3014, (panels - 1) << 16 | (w - 1));
        stream.set(0x4024, w << 4).set(0x4030, w - 1).set(0x4034, panels - 1);
        stream.set(0x4038, (shape.n / 4 - 1) * w * 0x10001).set(0x40c0, 8 * w << 4);
        stream.set(0x405c, (panels - 1) << 16 | (w - 1));
        const auto outcome = run(core, bus, stream.tail(0xd));
        ASSERT_EQ(outcome.completion, Completion::Done) << outcome.fault->sentence;
        for (uint32_t m = 0; m < shape.m; ++m)
            for (uint32_t n = 0; n < shape.n; ++n) {
                int32_t sum = 0;
                for (uint32_t k = 0; k < shape.k; ++k)
                    sum +=
                        static_cast<int8_t>(
                            matmul.a[((m / w * shape.k / 16 + k / 16) * w + m % w) * 16 + k % 16]) *
                        matmul.weight(k, n);
                int32_t value;
                std::memcpy(&value,
                            matmul.c + ((m / w * shape.n / 4 + n / 4) * w + m % w) * 16 + n % 4 * 4,
                            4);
                ASSERT_EQ(value, sum) << "panels of " << w << ": " << m << ' ' << n;
            }
    }
}

TEST(MatmulTask, TakesOneWideLineAsWellAsManyShortOnes) {
    constexpr MatmulShape shape{9, 64, 32};  // HAPPY's native-A mode: W = M, H = 1, SURF = -3M
    Core core{0, {.strict = true}};
    MemoryBus bus;
    Matmul matmul(bus, shape, 5);
    auto stream = matmul_stream(shape);
    stream.set(0x1020, shape.m << 16 | 1).set(0x1028, shape.m).set(0x107c, 0x200);
    stream.set(0x1080, 0x10000000 - 3 * shape.m)
        .set(0x1084, shape.m << 16 | 1)
        .set(0x1044, shape.m);
    stream.set(0x3014, shape.m - 1)
        .set(0x4030, shape.m - 1)
        .set(0x4034, 0)
        .set(0x405c, shape.m - 1);
    const auto outcome = run(core, bus, stream.tail(0xd));
    ASSERT_EQ(outcome.completion, Completion::Done) << outcome.fault->sentence;
    EXPECT_EQ(matmul.mismatches(), 0U);
}

TEST(MatmulTask, ADilatedKernelSkipsPixels) {
    constexpr uint32_t wide = 9, apart = 3, out = wide - apart, k = 64, n = 32;
    Core core{0, {.strict = true}};
    MemoryBus bus;
    const testing::MatmulPlaces at;
    Matmul pixels(bus, {wide, k, n}, 5);  // its weights and results give way to larger ones
    std::byte* const weights = bus.map(at.b, 2 * k * n);
    testing::fill_random(weights, 2 * k * n, 6);
    const std::byte* const results = bus.map(at.c, out * n * 4);
    auto stream = matmul_stream({wide, k, n});
    stream.set(0x1014, (apart - 1) << 16 | 9);
    stream.set(0x1020, wide << 16 | 1).set(0x1028, out).set(0x102c, out).set(0x107c, 0x200);
    stream.set(0x1030, 2 * k * n).set(0x1034, 2 * k).set(0x1038, 2 << 24 | 1 << 16 | n);
    stream.set(0x1080, 0x10000000 - 3 * wide).set(0x1084, wide << 16 | 1).set(0x1044, wide);
    stream.set(0x3014, out - 1).set(0x4030, out - 1).set(0x4034, 0).set(0x405c, out - 1);
    stream.set(0x4024, out << 4).set(0x40c0, 8 * out << 4);
    const auto outcome = run(core, bus, stream.tail(0xd));
    ASSERT_EQ(outcome.completion, Completion::Done) << outcome.fault->sentence;
    for (uint32_t x = 0; x < out; ++x)
        for (uint32_t i = 0; i < n; ++i) {
            int32_t sum = 0;
            for (uint32_t tap = 0; tap < 2; ++tap)
                for (uint32_t c = 0; c < k; ++c)  // [K/32][tap][32][32]
                    sum += pixels.feature(x + apart * tap, c) *
                           static_cast<int8_t>(
                               weights[(c / 32 * 2 + tap) * 1024 + i * 32 + c % 32]);
            int32_t value;
            std::memcpy(&value, results + ((i / 4 * out + x) * 4 + i % 4) * 4, sizeof value);
            ASSERT_EQ(value, sum) << x << ", " << i;
        }
}

TEST(MatmulTask, ReusesWeightsAndFeaturesThatAreStillInTheCbuf) {
    constexpr MatmulShape shape{8, 128, 64};
    Core core{0};
    MemoryBus bus;
    Matmul matmul(bus, shape, 6);
    ASSERT_EQ(run(core, bus, matmul_stream(shape).tail(0xd)).completion, Completion::Done);
    const uint32_t split = matmul_stream(shape).value(0x1040);
    std::memset(matmul.a, 0, size_t{shape.m} * shape.k);  // only the CBUF still has the features
    auto stream = matmul_stream(shape).set(0x1040, split | 1 << 12).tail(0xd);
    auto outcome = run(core, bus, stream);
    EXPECT_EQ(outcome.work.feature_bytes, 0U);
    const int32_t before = matmul.result(3, 5);
    testing::fill_random(matmul.a, size_t{shape.m} * shape.k, 6);
    EXPECT_EQ(before, matmul.expected(3, 5));
    std::memset(matmul.b, 0, size_t{shape.k} * shape.n);
    outcome = run(core, bus, matmul_stream(shape).set(0x1040, split | 1 << 13).tail(0xd));
    EXPECT_EQ(outcome.work.weight_bytes, 0U);
    EXPECT_EQ(matmul.result(3, 5), before);
}

TEST(MatmulTask, ReuseOfWeightsThatNeverFitGivesWrongResults) {
    constexpr MatmulShape shape{8, 2048, 256};  // 512 KiB of weights in 11 banks
    Core core{0};
    MemoryBus bus;
    Matmul matmul(bus, shape, 7);
    ASSERT_EQ(run(core, bus, matmul_stream(shape).tail(0xd)).completion, Completion::Done);
    EXPECT_EQ(matmul.mismatches(), 0U);
    const uint32_t split = matmul_stream(shape).value(0x1040);
    run(core, bus, matmul_stream(shape).set(0x1040, split | 1 << 13).tail(0xd));
    EXPECT_GT(matmul.mismatches(), 0U);
}

TEST(MatmulTask, ReuseAfterAnotherBankSplitGivesWrongResults) {
    constexpr MatmulShape shape{8, 128, 64};
    Core core{0};
    MemoryBus bus;
    Matmul matmul(bus, shape, 8);
    run(core, bus, matmul_stream(shape).tail(0xd));
    run(core, bus, matmul_stream(shape).set(0x1040, 10 << 4 | 2 | 1 << 13).tail(0xd));
    EXPECT_GT(matmul.mismatches(), 0U);
}

}  // namespace
}  // namespace rosenblatt::emulator
