// SPDX-License-Identifier: MIT
#include "stream.hpp"

namespace rosenblatt::port_test {
namespace {

struct Setting {
    uint16_t offset;
    uint32_t value;
};

constexpr uint32_t m = k_side;
constexpr uint32_t k = k_side;
constexpr uint32_t n = k_side;

constexpr uint64_t word(uint64_t target, uint32_t value, uint16_t offset) {
    return target << 48 | uint64_t{value} << 16 | offset;
}

// The block is the offset's top digit.
uint64_t target_of(uint16_t offset) {
    switch (offset >> 12) {
        case 1:
            return 0x0201;  // CNA
        case 3:
            return 0x0801;  // CORE
        default:
            return 0x1001;  // DPU
    }
}

std::vector<Setting> settings(uint32_t a, uint32_t b, uint32_t c) {
    std::vector<Setting> list = {
        {0x4004, 0xe},  // S_POINTER first
        // CNA: convolution, feature and weight sizes, CBUF split 1 data : 11 weight banks
        {0x100c, 0},
        {0x1010, (m + 1) << 4},
        {0x1014, 9},
        {0x1020, 1 << 16 | m},
        {0x1024, (k - 1) << 16 | k},
        {0x1028, 1},
        {0x102c, m},
        {0x1030, k * n},
        {0x1034, k},
        {0x1038, 1 << 24 | 1 << 16 | n},
        {0x1040, 11 << 4 | 1},
        {0x1044, 1},
        {0x104c, 0xb},
        {0x1050, 0x10000},
        {0x1054, 0x10000},
        {0x1058, 0x10000},
        {0x105c, 0x10000},
        {0x1060, 0},
        {0x1064, 0},
        {0x1068, 0},
        {0x1070, a},
        {0x1074, 0},
        {0x1078, 0xf000f},
        {0x107c, 4},
        {0x1080, (m - 4) & 0xfffffff},
        {0x1084, 1 << 16 | m},
        {0x1088, k},
        {0x1100, 0},
        {0x1104, 0},
        {0x1110, b},
        {0x1180, 0},
        {0x1184, 0},
        // CORE block: rows and kernels, no truncation
        {0x3010, 1},
        {0x3014, (m - 1) << 16},
        {0x3018, n - 1},
        {0x301c, 0},
        {0x3030, 0},
        // DPU: everything bypassed, int32 out
        {0x400c, 0x1e4},
        {0x4010, 0x80000000},
        {0x4014, 0},
        {0x4020, c},
        {0x4024, m << 4},
        {0x4030, 0},
        {0x4034, m - 1},
        {0x4038, 0},
        {0x403c, (n - 1) << 16 | (n - 1)},
        {0x4040, 0x53},
        {0x4044, 0},
        {0x4048, 0},
        {0x404c, 0},
        {0x4050, 0x7fe},
        {0x4054, 0},
        {0x4058, n - 1},
        {0x405c, (m - 1) << 16},
        {0x4060, 0x53},
        {0x4064, 0},
        {0x4068, 0},
        {0x406c, 0},
        {0x4070, 0x383},
        {0x4074, 0},
        {0x4078, 1},
        {0x407c, 0},
        {0x4080, 0},
        {0x4084, 1},
        {0x4088, 0},
        {0x40c0, (8 * m) << 4},
        {0x40c4, 0},
    };
    for (uint16_t offset = 0x1140; offset <= 0x117c; offset += 4) list.push_back({offset, 0});
    for (uint16_t offset = 0x4090; offset <= 0x40ac; offset += 4) list.push_back({offset, 0});
    for (uint16_t offset = 0x4100; offset <= 0x412c; offset += 4) list.push_back({offset, 0});
    return list;
}

// xorshift32: the same bytes on every machine.
std::array<int8_t, k_input_bytes> random_bytes(uint32_t state) {
    std::array<int8_t, k_input_bytes> bytes{};
    for (int8_t& byte : bytes) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        byte = static_cast<int8_t>(state >> 8);
    }
    return bytes;
}

}  // namespace

std::vector<uint64_t> matmul_stream(uint32_t a, uint32_t b, uint32_t c) {
    std::vector<uint64_t> words;
    for (const Setting& setting : settings(a, b, c))
        words.push_back(word(target_of(setting.offset), setting.value, setting.offset));
    words.push_back(0);                         // no next stream
    words.push_back(word(0x0101, 0, 0x14));     // of no words
    words.push_back(uint64_t{0x0041} << 48);    // the next word enables blocks:
    words.push_back(word(0x0081, 0x0d, 0x08));  // CNA, CORE block, DPU
    return words;
}

std::array<int8_t, k_input_bytes> make_features(uint32_t seed) {
    return random_bytes(2 * seed + 1);
}
std::array<int8_t, k_input_bytes> make_weights(uint32_t seed) {
    return random_bytes(0x9e3779b9u ^ seed);
}

std::array<int32_t, k_side * k_side> expected_output(
    const std::array<int8_t, k_input_bytes>& features,
    const std::array<int8_t, k_input_bytes>& weights) {
    std::array<int32_t, k_side * k_side> output{};
    for (uint32_t row = 0; row < m; ++row) {
        for (uint32_t column = 0; column < n; ++column) {
            int32_t sum = 0;
            for (uint32_t depth = 0; depth < k; ++depth)
                sum += features[depth / 16 * m * 16 + row * 16 + depth % 16] *
                       weights[column * k + depth];
            output[column / 4 * m * 4 + row * 4 + column % 4] = sum;
        }
    }
    return output;
}

}  // namespace rosenblatt::port_test
