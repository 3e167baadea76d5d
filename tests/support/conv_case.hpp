// SPDX-License-Identifier: MIT
// Random but legal convolution streams with their operands in memory.
#pragma once

#include "support/emulator_bench.hpp"

namespace rosenblatt::testing {

struct ConvShape {
    uint32_t width = 5, height = 5, channels = 32, kernels = 32;
    uint32_t kernel = 1, stride = 1, pad = 0, dilation = 1;
    bool depthwise = false;

    uint32_t span() const { return (kernel - 1) * dilation + 1; }
    uint32_t out_width() const { return (width + 2 * pad - span()) / stride + 1; }
    uint32_t out_height() const { return (height + 2 * pad - span()) / stride + 1; }
    uint32_t out_channels() const {
        const uint32_t group = depthwise ? 64 : 32;
        return ((depthwise ? channels : kernels) + group - 1) / group * group;
    }
    uint32_t weight_bytes() const { return kernel * kernel * channels * (depthwise ? 1 : kernels); }
};

/// A shape that fits the CBUF and has at least one output pixel.
inline ConvShape random_shape(std::mt19937& random) {
    const auto pick = [&](uint32_t low, uint32_t high) {
        return low + static_cast<uint32_t>(random() % (high - low + 1));
    };
    for (;;) {
        ConvShape s;
        s.width = pick(1, 20);
        s.height = pick(1, 20);
        s.channels = pick(1, 6) * 16;
        s.depthwise = pick(0, 3) == 0;
        s.kernels = s.depthwise ? 1 : pick(1, 45) * 2;
        s.kernel = pick(1, 4);
        s.stride = pick(1, 3);
        s.dilation = pick(1, 2);
        s.pad = pick(0, 2);
        if (s.width + 2 * s.pad >= s.span() && s.height + 2 * s.pad >= s.span()) return s;
    }
}

/// int8 -> int8 with per-channel bias, CPEND and requantisation, as Mesa emits it.
inline Stream conv_stream(const ConvShape& s, const MatmulPlaces& at = {},
                          uint32_t bias = 0x7000000) {
    const uint32_t pixels = s.out_width() * s.out_height();
    const uint32_t surface = pixels;
    const uint32_t size_e = s.depthwise ? 3 : 1;
    const uint32_t kernel_bytes = s.weight_bytes() / s.kernels;
    Stream w;
    w.reg(0x4004, 0xe).reg(0x5004, 0xe).reg(0x100c, s.depthwise ? 3 : 0);
    w.reg(0x1010, 0x340).reg(0x1014, (s.dilation - 1) * 0x210000 | s.stride << 3 | s.stride);
    w.reg(0x1020, s.width << 16 | s.height).reg(0x1024, (s.channels - 1) << 16 | s.channels);
    w.reg(0x1028, s.out_width()).reg(0x102c, pixels);
    w.reg(0x1030, s.weight_bytes()).reg(0x1034, kernel_bytes);
    w.reg(0x1038, s.kernel << 24 | s.kernel << 16 | s.kernels);
    w.reg(0x1040, 8 << 4 | 4).reg(0x1044, (s.width * s.channels + 63) / 64);
    w.reg(0x104c, 0xb);
    for (const uint32_t cvt : {0x1050, 0x1054, 0x1058, 0x105c}) w.reg(cvt, 0x10000);
    for (const uint32_t zero : {0x1060, 0x1064, 0x1074, 0x1100, 0x1104, 0x1180}) w.reg(zero, 0);
    for (uint32_t amount = 0x1140; amount <= 0x117c; amount += 4) w.reg(amount, 0);
    w.reg(0x1068, s.pad << 4 | s.pad).reg(0x1184, 0xfb07).reg(0x1070, at.a).reg(0x1078, 0xf000f);
    w.reg(0x107c, 4 * s.width).reg(0x1080, s.width * (s.height - 4) & 0x0fffffff);
    w.reg(0x1084, s.width << 16 | s.height).reg(0x1088, s.channels).reg(0x1110, at.b);
    w.reg(0x3010, s.depthwise ? 3 : 1);
    w.reg(0x3014, (s.out_height() - 1) << 16 | (s.out_width() - 1))
        .reg(0x3018, s.out_channels() - 1);
    w.reg(0x301c, 0).reg(0x3030, 0);
    w.reg(0x400c, s.depthwise ? 0x1fc : 0x1e4).reg(0x4010, 0).reg(0x4014, 0).reg(0x4020, at.c);
    w.reg(0x4024, surface << 4).reg(0x4030, s.out_width() - 1).reg(0x4034, s.out_height() - 1);
    w.reg(0x4038, 0).reg(0x403c, (s.out_channels() - 1) * 0x10001);
    w.reg(0x4040, 0x20150).reg(0x4044, 0).reg(0x4048, 0).reg(0x404c, 0);
    w.reg(0x4050, size_e << 8 | size_e << 5 | size_e << 2).reg(0x4054, 0xfff9);
    w.reg(0x4058, s.out_channels() - 1);
    w.reg(0x405c, (s.out_height() - 1) << 16 | (s.out_width() - 1));
    w.reg(0x4060, 0x53).reg(0x4064, 0).reg(0x4068, 0).reg(0x406c, 0);
    w.reg(0x4070, 0x383).reg(0x4074, 0).reg(0x4078, 1).reg(0x407c, 0);
    w.reg(0x4080, 5).reg(0x4084, 17675).reg(0x4088, 22);
    for (uint32_t value = 0x4090; value <= 0x40ac; value += 4) w.reg(value, 0);
    w.reg(0x40c0, ((size_e + 1) * surface) << 4).reg(0x40c4, 0);
    for (uint32_t lut = 0x4108; lut <= 0x412c; lut += 4) w.reg(lut, 0);
    w.reg(0x500c, s.out_width() - 1)
        .reg(0x5010, s.out_height() - 1)
        .reg(0x5014, s.out_channels() - 1);
    w.reg(0x5018, 0).reg(0x501c, 2).reg(0x5020, bias).reg(0x5028, 0).reg(0x502c, 0);
    w.reg(0x5034, 1)
        .reg(0x5038, 0)
        .reg(0x5040, 0)
        .reg(0x5044, 0x7810)
        .reg(0x5048, 0)
        .reg(0x504c, 0);
    w.reg(0x5064, 0).reg(0x5068, 0x01010101).reg(0x506c, 0);
    return w;
}

/// Memory with random operands for a stream of conv_stream().
struct ConvMemory {
    static constexpr size_t k_output_bytes = 1 << 16;
    MemoryBus bus;
    std::byte* output = nullptr;

    ConvMemory(uint32_t seed, const MatmulPlaces& at = {}, uint32_t bias = 0x7000000) {
        const auto random = [&](uint64_t iova, size_t size, uint32_t offset) {
            fill_random(bus.map(iova, size), size, seed + offset);
        };
        random(at.a, 1 << 17, 1);
        random(at.b, 1 << 18, 2);
        random(bias, 1 << 13, 3);
        // Writes before and behind the output are caught by comparing the whole region.
        output = bus.map(at.c - k_output_bytes / 2, k_output_bytes * 2);
    }
};

}  // namespace rosenblatt::testing
