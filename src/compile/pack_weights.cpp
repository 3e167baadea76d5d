// SPDX-License-Identifier: MIT
// The weight cubes, a kernel at a time. npu::WeightCube holds the formula these loops follow.
#include "compile/pack_weights.hpp"

#include <cstring>

namespace rosenblatt::compile {
namespace {

constexpr uint32_t k_tile_side = 32;
constexpr uint32_t k_tile_bytes = k_tile_side * k_tile_side;
constexpr uint32_t k_half_tile = k_tile_bytes / sizeof(uint16_t);
constexpr uint32_t k_int4_row = k_tile_side / 2;  // bytes of one kernel's 32 channels

}  // namespace

void pack_kernel(const int8_t* codes, uint32_t k, uint32_t kernel, int8_t* group) {
    int8_t* to = group + kernel * k_tile_side;
    for (uint32_t at = 0; at < k; at += k_tile_side, to += k_tile_bytes)
        std::memcpy(to, codes + at, k_tile_side);
}

void unpack_kernel(const int8_t* group, uint32_t k, uint32_t kernel, int8_t* codes) {
    const int8_t* from = group + kernel * k_tile_side;
    for (uint32_t at = 0; at < k; at += k_tile_side, from += k_tile_bytes)
        std::memcpy(codes + at, from, k_tile_side);
}

void pack_half_kernel(const uint16_t* codes, uint32_t k, uint32_t kernel, uint16_t* group) {
    uint16_t* to = group + kernel * k_tile_side;
    for (uint32_t at = 0; at < k; at += k_tile_side, to += k_half_tile)
        std::memcpy(to, codes + at, k_tile_side * sizeof(uint16_t));
}

void unpack_half_kernel(const uint16_t* group, uint32_t k, uint32_t kernel, uint16_t* codes) {
    const uint16_t* from = group + kernel * k_tile_side;
    for (uint32_t at = 0; at < k; at += k_tile_side, from += k_half_tile)
        std::memcpy(codes + at, from, k_tile_side * sizeof(uint16_t));
}

void pack_int4_kernel(const int8_t* codes, uint32_t k, uint32_t kernel, uint8_t* group) {
    uint8_t* to = group + kernel * k_int4_row;
    for (uint32_t at = 0; at < k; at += k_tile_side, to += k_tile_bytes)
        for (uint32_t i = 0; i < k_int4_row; ++i)
            to[i] = static_cast<uint8_t>((codes[at + 2 * i] & 15) | (codes[at + 2 * i + 1] & 15) << 4);
}

void unpack_int4_kernel(const uint8_t* group, uint32_t k, uint32_t kernel, int8_t* codes) {
    const uint8_t* from = group + kernel * k_int4_row;
    for (uint32_t at = 0; at < k; at += k_tile_side, from += k_tile_bytes)
        for (uint32_t i = 0; i < k_int4_row; ++i) {
            codes[at + 2 * i] = static_cast<int8_t>(static_cast<int8_t>(from[i] << 4) >> 4);
            codes[at + 2 * i + 1] = static_cast<int8_t>(static_cast<int8_t>(from[i]) >> 4);
        }
}

}  // namespace rosenblatt::compile
