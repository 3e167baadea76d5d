// SPDX-License-Identifier: MIT
// PPU: max, min and average pooling, int8 and fp16, with padding.
#include <gtest/gtest.h>

#include <cmath>

#include "npu/convert.hpp"
#include "support/emulator_bench.hpp"

namespace rosenblatt::emulator {
namespace {

using testing::MemoryBus;
using testing::Stream;

constexpr uint32_t k_in = 0x100000, k_out = 0x200000;

struct Pool {
    uint32_t width, height, channels, kernel_w, kernel_h, stride, pad,
        method;  ///< 0 average, 1 max, 2 min
    bool real;

    uint32_t lanes() const { return real ? 8 : 16; }
    uint32_t out_width() const { return (width + 2 * pad - kernel_w) / stride + 1; }
    uint32_t out_height() const { return (height + 2 * pad - kernel_h) / stride + 1; }
    uint32_t reciprocal(uint32_t k) const {
        if (method != 0) return 0;
        return real ? npu::fp16_from_fp32(65536.0F / static_cast<float>(k)) : 0x10000 / k;
    }
    Stream stream() const {
        const uint32_t map = width * height * 16;
        const uint32_t out_map = out_width() * out_height() * 16;
        Stream w;
        w.reg(0x6004, 0xe).reg(0x7004, 0xe);
        w.reg(0x600c, width - 1).reg(0x6010, height - 1).reg(0x6014, channels - 1);
        w.reg(0x6018, out_width() - 1).reg(0x601c, out_height() - 1).reg(0x6020, channels - 1);
        w.reg(0x6024, 1 << 4 | method);
        w.reg(0x6034,
              (stride - 1) << 20 | (stride - 1) << 16 | (kernel_h - 1) << 8 | (kernel_w - 1));
        w.reg(0x6038, reciprocal(kernel_w)).reg(0x603c, reciprocal(kernel_h));
        w.reg(0x6040, pad << 12 | pad << 8 | pad << 4 | pad);
        w.reg(0x6044, method == 0 ? 0 : real ? 0xfc00 : 0x7ff80).reg(0x6048, 0);
        w.reg(0x6070, k_out)
            .reg(0x607c, out_map)
            .reg(0x6084, out_map | (real ? 2 : 0))
            .reg(0x60dc, 3);
        w.reg(0x700c, width - 1)
            .reg(0x7010, height - 1)
            .reg(0x7014, channels - 1)
            .reg(0x701c, k_in);
        w.reg(0x7024, width * 16).reg(0x7028, map).reg(0x7030, real ? 2 : 1);
        return w;
    }
};

struct PoolTest : ::testing::Test {
    Core core{0, {.strict = true}};
    MemoryBus bus;
    std::byte* in = bus.map(k_in, 0x10000);
    std::byte* out = bus.map(k_out, 0x10000);

    void run(const Pool& pool) {
        const TaskOutcome outcome = testing::run(core, bus, pool.stream().tail(0x60));
        ASSERT_EQ(outcome.completion, Completion::Done) << outcome.fault->sentence;
    }
    size_t index(const Pool& p, uint32_t width, uint32_t height, uint32_t c, uint32_t y,
                 uint32_t x) const {
        return (size_t{c / p.lanes()} * width * height + y * width + x) * p.lanes() + c % p.lanes();
    }
    double value(const Pool& p, uint32_t c, uint32_t y, uint32_t x) const {
        const size_t i = index(p, p.width, p.height, c, y, x);
        if (!p.real) return static_cast<int8_t>(in[i]);
        uint16_t bits;
        std::memcpy(&bits, in + i * 2, 2);
        return npu::fp32_from_fp16(bits);
    }
    double result(const Pool& p, uint32_t c, uint32_t y, uint32_t x) const {
        const size_t i = index(p, p.out_width(), p.out_height(), c, y, x);
        if (!p.real) return static_cast<int8_t>(out[i]);
        uint16_t bits;
        std::memcpy(&bits, out + i * 2, 2);
        return npu::fp32_from_fp16(bits);
    }
    /// Visits every output with the values under its window, inside the map.
    template <typename Check>
    void each(const Pool& p, const Check& check) {
        for (uint32_t c = 0; c < p.channels; ++c)
            for (uint32_t y = 0; y < p.out_height(); ++y)
                for (uint32_t x = 0; x < p.out_width(); ++x) {
                    std::vector<double> window;
                    for (uint32_t ky = 0; ky < p.kernel_h; ++ky)
                        for (uint32_t kx = 0; kx < p.kernel_w; ++kx) {
                            const uint32_t iy = y * p.stride + ky - p.pad;
                            const uint32_t ix = x * p.stride + kx - p.pad;
                            if (iy < p.height && ix < p.width)
                                window.push_back(value(p, c, iy, ix));
                        }
                    check(result(p, c, y, x), window);
                }
    }
    void fill_fp16() {
        std::mt19937 random(8);
        for (size_t i = 0; i < 0x8000; ++i) {
            const uint16_t bits = npu::fp16_from_fp32(
                static_cast<float>(static_cast<int>(random() % 4001) - 2000) / 64);
            std::memcpy(in + i * 2, &bits, 2);
        }
    }
};

TEST_F(PoolTest, Int8MaxAndMinAreExactWithPadding) {
    testing::fill_random(in, 0x10000, 1);
    for (const Pool pool :
         {Pool{9, 7, 32, 2, 2, 2, 0, 1, false}, Pool{8, 8, 16, 3, 3, 1, 1, 1, false}}) {
        ASSERT_NO_FATAL_FAILURE(run(pool));
        each(pool, [](double got, const std::vector<double>& window) {
            ASSERT_EQ(got, *std::max_element(window.begin(), window.end()));
        });
    }
    const Pool least{8, 8, 16, 2, 2, 2, 0, 2, false};
    ASSERT_NO_FATAL_FAILURE(run(least));
    each(least, [](double got, const std::vector<double>& window) {
        ASSERT_EQ(got, *std::min_element(window.begin(), window.end()));
    });
}

/// The measured rule: half away from zero; a remainder of exactly half in an even window goes
/// towards zero, unless the reciprocal is exact and the quotient odd, which rounds to even.
double chip_average(const std::vector<double>& window, bool exact_reciprocal) {
    double sum = 0;
    for (const double v : window) sum += v;
    const double quotient = std::fabs(sum) / static_cast<double>(window.size());
    const double low = std::floor(quotient);
    double magnitude = quotient - low >= 0.5 ? low + 1 : low;
    if (quotient - low == 0.5)
        magnitude = exact_reciprocal && std::fmod(low, 2) == 1 ? low + 1 : low;
    return sum < 0 ? -magnitude : magnitude;
}

TEST_F(PoolTest, Int8AverageRoundsAsTheChipDoes) {
    testing::fill_random(in, 0x10000, 2);
    for (const Pool pool :
         {Pool{8, 8, 32, 2, 2, 2, 0, 0, false}, Pool{8, 8, 16, 4, 4, 4, 0, 0, false},
          Pool{9, 8, 16, 3, 2, 1, 0, 0, false}}) {
        ASSERT_NO_FATAL_FAILURE(run(pool));
        const bool exact = 0x10000 % pool.kernel_w == 0 && 0x10000 % pool.kernel_h == 0;
        each(pool, [&](double got, const std::vector<double>& window) {
            ASSERT_EQ(got, chip_average(window, exact));
        });
    }
}

TEST_F(PoolTest, Fp16MaxIsExactAndAverageWithinTheReciprocal) {
    fill_fp16();
    const Pool greatest{7, 9, 24, 3, 3, 2, 1, 1, true};
    ASSERT_NO_FATAL_FAILURE(run(greatest));
    each(greatest, [](double got, const std::vector<double>& window) {
        ASSERT_EQ(got, *std::max_element(window.begin(), window.end()));
    });
    const Pool average{7, 7, 8, 7, 7, 1, 0, 0, true};
    ASSERT_NO_FATAL_FAILURE(run(average));
    each(average, [](double got, const std::vector<double>& window) {
        double sum = 0;
        for (const double v : window) sum += v;
        ASSERT_NEAR(got, sum / 49, 0.002 + std::fabs(sum) / 49 * 0.001);
    });
}

TEST_F(PoolTest, RaisesThePpuInterruptThatTheMainlineKernelMasks) {
    kick(core, bus, Pool{8, 8, 16, 2, 2, 2, 0, 1, false}.stream().tail(0x60));
    ASSERT_EQ(core.run_task(bus).completion, Completion::Done);
    core.complete();
    EXPECT_EQ(core.read_register(Window::Pc, 0x2c) & 0xf00, 1U << 10);
    EXPECT_FALSE(core.irq_level());
}

TEST_F(PoolTest, WithoutFlyingModeItWaitsForTheDpu) {
    auto stream = Pool{8, 8, 16, 2, 2, 2, 0, 1, false}.stream().set(0x6024, 1).tail(0x60);
    EXPECT_EQ(testing::run(core, bus, stream).completion, Completion::Hung);
}

}  // namespace
}  // namespace rosenblatt::emulator
