// SPDX-License-Identifier: MIT
// Elements in memory: reading and writing one number of any type at an element index.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "npu/convert.hpp"
#include "npu/geometry.hpp"

namespace rosenblatt::emulator {

template <typename T>
T load(const std::byte* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

template <typename T>
void store(std::byte* at, T value) {
    std::memcpy(at, &value, sizeof value);
}

/// An integer element; int4 are two per byte, low half first.
inline int32_t int_at(npu::Element element, const std::byte* base, uint64_t index) {
    switch (element) {
        case npu::Element::Int4: {
            const auto pair = static_cast<uint32_t>(base[index / 2]);
            return sign_extend(index % 2 == 0 ? pair & 15 : pair >> 4, 4);
        }
        case npu::Element::Int8:
            return static_cast<int8_t>(base[index]);
        case npu::Element::Int16:
            return load<int16_t>(base + index * 2);
        default:
            return load<int32_t>(base + index * 4);
    }
}

/// A floating-point element, widened exactly (tf32: as the multipliers see it).
inline float real_at(npu::Element element, const std::byte* base, uint64_t index) {
    switch (element) {
        case npu::Element::Fp16:
            return npu::fp32_from_fp16(load<uint16_t>(base + index * 2));
        case npu::Element::Bf16:
            return npu::fp32_from_bf16(load<uint16_t>(base + index * 2));
        case npu::Element::Tf32:
            return npu::tf32_from_fp32(load<float>(base + index * 4));
        default:
            return load<float>(base + index * 4);
    }
}

}  // namespace rosenblatt::emulator
