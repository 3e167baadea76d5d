// SPDX-License-Identifier: MIT
// Random words and random registers: whatever they are, a task ends, done or with a named fault.
// Run under AddressSanitizer and UBSan this is a small fuzzer; tests/fuzz has the large one.
#include <gtest/gtest.h>

#include "support/conv_case.hpp"
#include "support/float_case.hpp"

namespace rosenblatt::emulator {
namespace {

using rosenblatt::testing::ConvShape;
using rosenblatt::testing::MemoryBus;
using rosenblatt::testing::Stream;

const Switches k_small{.work_limit = uint64_t{1} << 20};

void expect_named(const TaskOutcome& outcome, uint32_t seed) {
    if (outcome.completion == Completion::Done) {
        EXPECT_FALSE(outcome.fault) << seed;
        return;
    }
    ASSERT_TRUE(outcome.fault) << seed;
    EXPECT_FALSE(outcome.fault->sentence.empty()) << seed;
    EXPECT_NE(name(outcome.fault->kind), "unknown") << seed;
}

/// Memory at the addresses that small register values mean.
void map_low(MemoryBus& bus, uint32_t seed) {
    constexpr size_t size = 1 << 17;
    rosenblatt::testing::fill_random(bus.map(0x100000, size), size, seed);
    rosenblatt::testing::fill_random(bus.map(0x2000000, size), size, seed + 1);
    rosenblatt::testing::fill_random(bus.map(0x7000000, size), size, seed + 2);
    bus.map(0x8000000, size);
}

TEST(RandomStreams, OfPureNoiseEndWithANamedFault) {
    for (uint32_t seed = 0; seed < 300; ++seed) {
        std::mt19937_64 random(seed);
        Core core{0, k_small};
        MemoryBus bus;
        Stream stream;
        for (int i = 0; i < 200; ++i) stream.words.push_back(random());
        if (seed % 2) stream.tail(static_cast<uint32_t>(random()) & 0x7f);
        expect_named(rosenblatt::testing::run(core, bus, stream), seed);
    }
}

TEST(RandomStreams, WithEveryRegisterRandomEndWithANamedFault) {
    for (uint32_t seed = 0; seed < 800; ++seed) {
        std::mt19937 random(seed);
        Core core{0, k_small};
        MemoryBus bus;
        map_low(bus, seed);
        Stream stream;
        for (const uint32_t block : {0x1000U, 0x3000U, 0x4000U, 0x5000U, 0x6000U, 0x7000U}) {
            stream.reg(block + 4, 0xe);
            for (uint32_t offset = 0xc; offset < 0x190; offset += 4)
                stream.reg(block + offset,
                           static_cast<uint32_t>(random() % 3 ? random() >> random() % 32 : 0));
        }
        const uint32_t masks[] = {0xd, 0x1d, 0x18, 0x60};
        expect_named(rosenblatt::testing::run(core, bus, stream.tail(masks[seed % 4])), seed);
    }
}

/// Legal streams of every kind with a few registers changed reach further than noise.
Stream legal(uint32_t seed, std::mt19937& random) {
    using namespace rosenblatt::testing;
    const MatmulShape shape{static_cast<uint32_t>(1 + random() % 6), 64, 64};
    switch (seed % 6) {
        case 0:
            return matmul_stream(shape);
        case 1:
            return float_stream(shape, k_fp16_fp16);
        case 2:
            return float_stream(shape, k_tf32_fp32);
        case 3:
            return float_stream(shape, k_int4_int16);
        default:
            return conv_stream(random_shape(random));
    }
}

TEST(RandomStreams, OneStepFromALegalOneEndDoneOrWithANamedFault) {
    for (uint32_t seed = 0; seed < 1500; ++seed) {
        std::mt19937 random(seed);
        Core core{0, k_small};
        MemoryBus bus;
        bus.views = seed % 3 != 0;
        map_low(bus, seed);
        Stream stream = legal(seed, random);
        const uint32_t mask = seed % 6 < 4 ? 0xd : 0x1d;
        const size_t changes = random() % 4;
        for (size_t i = 0; i < changes; ++i) {
            const auto offset =
                static_cast<uint32_t>(stream.words[random() % stream.words.size()] & 0xffff);
            stream.set(offset, random() % 2 ? static_cast<uint32_t>(random())
                                            : stream.value(offset) ^ 1U << random() % 32);
        }
        for (int kicks = 0; kicks < 2; ++kicks)
            expect_named(rosenblatt::testing::run(core, bus, Stream(stream).tail(mask)), seed);
    }
}

}  // namespace
}  // namespace rosenblatt::emulator
