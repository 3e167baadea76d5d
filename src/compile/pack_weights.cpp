// SPDX-License-Identifier: MIT
// The weight cubes, a kernel at a time. npu::WeightCube holds the formula these loops follow.
#include "compile/pack_weights.hpp"

#include <cstring>

namespace rosenblatt::compile {
namespace {

constexpr uint32_t k_tile_side = 32;
constexpr uint32_t k_tile_bytes = k_tile_side * k_tile_side;
constexpr uint32_t k_half_tile = k_tile_bytes / sizeof(uint16_t);

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

}  // namespace rosenblatt::compile
