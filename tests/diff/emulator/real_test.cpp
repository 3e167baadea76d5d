// SPDX-License-Identifier: MIT
// Floating-point matmuls: fast against plain for every type, and fp16 against sums in 128-bit
// integers that share no code with the emulator.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>
#include <vector>

#include "support/conv_case.hpp"
#include "support/float_case.hpp"
#include "support/simds.hpp"

namespace rosenblatt::emulator {
namespace {

using testing::FloatKind;
using testing::FloatMatmul;
using testing::MatmulShape;
using testing::MemoryBus;

__extension__ using Int128 = __int128;

TaskOutcome run_kind(Switches switches, MemoryBus& bus, const MatmulShape& shape,
                     const FloatKind& kind) {
    switches.strict = switches.poison = true;
    Core core{0, switches};
    return testing::run(core, bus, testing::float_stream(shape, kind).tail(0xd));
}

/// Random patterns of 16 bits: `exponents` wide around 1, sometimes zero, rarely infinite or NaN.
uint16_t draw16(std::mt19937& random, unsigned exponents, bool bf16, bool specials) {
    const unsigned bits = bf16 ? 7 : 10;
    const unsigned bias = bf16 ? 127 : 15;
    if (random() % 50 == 0) return static_cast<uint16_t>(random() & 0x8000);
    if (specials && random() % 3000 == 0)
        return static_cast<uint16_t>(random() | (bf16 ? 0x7f80 : 0x7c00));
    const auto exponent = static_cast<unsigned>(bias + exponents / 2 - random() % exponents);
    return static_cast<uint16_t>((random() & 0x8000) | exponent << bits |
                                 (random() & ((1U << bits) - 1)));
}

void fill(std::byte* bytes, size_t size, npu::Element element, unsigned exponents, bool specials,
          std::mt19937& random) {
    for (size_t i = 0; i < size; i += 2) {
        uint16_t value = draw16(random, exponents, element != npu::Element::Fp16, specials);
        // A tf32 word is a bf16 with more mantissa: any low half.
        if (element == npu::Element::Tf32 && i % 4 == 0) value = static_cast<uint16_t>(random());
        std::memcpy(bytes + i, &value, 2);
    }
}

TEST(RealMac, FastEqualsPlainForEveryTypeAndSpreadOfExponents) {
    constexpr uint32_t k_seed = 41;
    SCOPED_TRACE(k_seed);
    std::mt19937 random(k_seed);
    for (const FloatKind& kind :
         {testing::k_fp16_fp32, testing::k_fp16_fp16, testing::k_bf16_fp32, testing::k_tf32_fp32})
        for (const unsigned exponents : {1U, 6U, 14U, 28U})
            for (const MatmulShape shape : {MatmulShape{1, 32, 16}, MatmulShape{17, 160, 48}}) {
                std::vector<std::byte> plain;
                std::vector<Switches> paths{{.fast = false}};
                for (const Simd simd : testing::simds_here()) paths.push_back({.simd = simd});
                for (const Switches& path : paths) {
                    MemoryBus bus;
                    FloatMatmul matmul(bus, shape, kind);
                    std::mt19937 same = random;
                    fill(matmul.a, matmul.a_cube.bytes(), kind.element, exponents, true, same);
                    fill(matmul.b, matmul.b_cube.bytes(), kind.element, exponents, true, same);
                    const TaskOutcome outcome = run_kind(path, bus, shape, kind);
                    ASSERT_EQ(outcome.completion, Completion::Done) << outcome.fault->sentence;
                    const std::span result(matmul.c, matmul.c_cube.bytes());
                    if (!path.fast) plain.assign(result.begin(), result.end());
                    ASSERT_TRUE(std::ranges::equal(result, plain))
                        << "exponents " << exponents << " with " << name(path.simd);
                }
                random.discard(1000);
            }
}

/// conv_stream() with fp16 operands and fp32 results, without its bias and requantisation.
testing::Stream fp16_conv_stream(const testing::ConvShape& s) {
    testing::Stream w = testing::conv_stream(s);
    const uint32_t kernel_bytes = s.weight_bytes() / s.kernels * 2;
    const uint32_t channels = (s.kernels + 15) / 16 * 16;
    w.set(0x100c, 0x120).set(0x1030, kernel_bytes * s.kernels).set(0x1034, kernel_bytes);
    w.set(0x1044, (s.width * s.channels * 2 + 63) / 64).set(0x1184, 0x3c00).set(0x3010, 0x201);
    w.set(0x3018, channels - 1).set(0x4010, 0xa8000002).set(0x403c, (channels - 1) * 0x10001);
    w.set(0x4040, 0x53).set(0x4050, 3 << 8 | 3 << 5 | 3 << 2 | 2).set(0x4058, channels - 1);
    w.set(0x4080, 0).set(0x4084, 1).set(0x4088, 0);
    return w.set(0x40c0, 4 * s.out_width() * s.out_height() << 4);
}

TEST(RealMac, FastEqualsPlainOverWindowsThatAreNotNeighbours) {
    constexpr uint32_t k_seed = 43;
    std::mt19937 random(k_seed);
    for (int run = 0; run < 40; ++run) {
        testing::ConvShape shape = testing::random_shape(random);
        if (shape.depthwise || shape.width + shape.height > 24) continue;
        shape.channels = 8 + shape.channels / 2;  // whole runs of 32 and what is left
        const unsigned exponents = run % 2 == 0 ? 6 : 28;
        std::vector<std::byte> plain;
        std::vector<Switches> paths{{.fast = false}};
        for (const Simd simd : testing::simds_here()) paths.push_back({.simd = simd});
        const std::mt19937 before = random;
        for (const Switches& path : paths) {
            random = before;
            testing::ConvMemory memory(1);
            const testing::MatmulPlaces at;
            constexpr size_t k_bytes = 1 << 17;
            fill(memory.bus.map(at.a, k_bytes), k_bytes, npu::Element::Fp16, exponents, false,
                 random);
            fill(memory.bus.map(at.b, k_bytes), k_bytes, npu::Element::Fp16, exponents, false,
                 random);
            Core core{0, path};
            const TaskOutcome outcome =
                testing::run(core, memory.bus, fp16_conv_stream(shape).tail(0xd));
            ASSERT_EQ(outcome.completion, Completion::Done) << outcome.fault->sentence;
            const std::span result(memory.output, 2 * testing::ConvMemory::k_output_bytes);
            if (!path.fast) plain.assign(result.begin(), result.end());
            ASSERT_TRUE(std::ranges::equal(result, plain))
                << "seed " << k_seed << " run " << run << " with " << name(path.simd);
        }
    }
}

/// An fp16 value as a multiple of 2^-24.
int64_t scaled(uint16_t bits) {
    const int exponent = (bits >> 10) & 31;
    const int64_t mantissa = bits & 1023;
    const int64_t magnitude = exponent == 0 ? mantissa : (1024 + mantissa) << (exponent - 1);
    return bits & 0x8000 ? -magnitude : magnitude;
}

/// A multiple of 2^-48, rounded to nearest even by hand.
float round_to_float(Int128 sum) {
    if (sum == 0) return 0.0F;
    const bool negative = sum < 0;
    const Int128 magnitude = negative ? -sum : sum;
    int shift = 0;
    while ((magnitude >> shift) >= (Int128{1} << 24)) ++shift;
    Int128 kept = magnitude >> shift;
    const Int128 rest = (magnitude - (kept << shift)) * 2;
    const Int128 one = Int128{1} << shift;
    if (rest > one || (rest == one && (kept & 1))) ++kept;
    const float value = std::ldexp(static_cast<float>(static_cast<int64_t>(kept)), shift - 48);
    return negative ? -value : value;
}

/// Hardware.md 5.7 word for word: groups of 32 k, each exact and rounded once, added in order of k.
float model(const std::vector<int64_t>& a, const std::vector<int64_t>& b, uint32_t k) {
    float sum = 0;
    for (uint32_t first = 0; first < k; first += 32) {
        Int128 group = 0;
        for (uint32_t i = first; i < first + 32; ++i) group += Int128{a[i]} * b[i];
        sum += round_to_float(group);
    }
    return sum;
}

TEST(RealMac, Fp16EqualsIntegerSumsOverTenMillionOutputs) {
    constexpr MatmulShape shape{512, 64, 2048};
    size_t outputs = 0;
    for (uint32_t seed = 1; outputs < 10'000'000; ++seed) {
        std::mt19937 random(seed);
        MemoryBus bus;
        FloatMatmul matmul(bus, shape, testing::k_fp16_fp32);
        // All finite values in turn with narrow and with the widest spreads, subnormals included.
        const unsigned exponents = seed % 3 == 0 ? 30 : seed % 3 == 1 ? 4 : 12;
        fill(matmul.a, matmul.a_cube.bytes(), npu::Element::Fp16, exponents, false, random);
        fill(matmul.b, matmul.b_cube.bytes(), npu::Element::Fp16, exponents, false, random);
        ASSERT_EQ(run_kind({}, bus, shape, testing::k_fp16_fp32).completion, Completion::Done);
        std::vector<std::vector<int64_t>> rows(shape.m), columns(shape.n);
        const auto read = [](const std::byte* at) {
            uint16_t bits;
            std::memcpy(&bits, at, 2);
            return scaled(bits);
        };
        for (uint32_t m = 0; m < shape.m; ++m)
            for (uint32_t k = 0; k < shape.k; ++k) rows[m].push_back(read(matmul.feature(m, k)));
        for (uint32_t n = 0; n < shape.n; ++n)
            for (uint32_t k = 0; k < shape.k; ++k) columns[n].push_back(read(matmul.weight(k, n)));
        for (uint32_t m = 0; m < shape.m; ++m)
            for (uint32_t n = 0; n < shape.n; ++n)
                ASSERT_EQ(matmul.result<float>(m, n), model(rows[m], columns[n], shape.k))
                    << "seed " << seed << " m " << m << " n " << n;
        outputs += size_t{shape.m} * shape.n;
    }
}

}  // namespace
}  // namespace rosenblatt::emulator
