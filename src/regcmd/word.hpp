// SPDX-License-Identifier: MIT
// One regcmd: the 64-bit command word the PC block fetches, target << 48 | value << 16 | offset.
#pragma once

#include <cstdint>

#include "npu/registers.hpp"

namespace rosenblatt::regcmd {

/// Which blocks a task starts; the value of its enable word.
using EnableMask = npu::global::OPERATION_ENABLE;

enum class WordKind : uint8_t {
    Nop,       ///< target 0x0000 or 0x0001, whatever else it holds
    Marker,    ///< must stand just before the enable word
    Enable,    ///< starts the blocks of its mask
    Register,  ///< writes `value` to a block's register `offset`
    Unknown,   ///< selects no block, or several
};

struct Word {
    uint64_t bits = 0;

    constexpr uint16_t target() const { return static_cast<uint16_t>(bits >> 48); }
    constexpr uint32_t value() const { return static_cast<uint32_t>(bits >> 16); }
    constexpr uint16_t offset() const { return static_cast<uint16_t>(bits); }

    /// Null unless kind() is Register.
    constexpr const npu::BlockInfo* block() const;
    constexpr WordKind kind() const;

    bool operator==(const Word&) const = default;
};

constexpr Word make_word(uint16_t target, uint16_t offset, uint32_t value) {
    return {uint64_t{target} << 48 | uint64_t{value} << 16 | offset};
}

inline constexpr uint16_t k_enable_target = 0x0081;
inline constexpr uint16_t k_enable_offset = npu::pc::OPERATION_ENABLE::offset;
inline constexpr Word k_nop{0};
inline constexpr Word k_marker = make_word(0x0041, 0, 0);

constexpr Word enable_word(const EnableMask& mask) {
    return make_word(k_enable_target, k_enable_offset, mask.pack());
}

/// Bits 63:55 select: one bit per block, the lowest "start the blocks". The bits below them, 54:48,
/// are not decoded: every emitter sets bit 48 and nobody knows why.
constexpr uint16_t selected(uint16_t target) {
    return target >> 7;
}

constexpr const npu::BlockInfo* Word::block() const {
    for (const npu::BlockInfo& candidate : npu::k_blocks)
        if (candidate.target != 0 && selected(candidate.target) == selected(target()))
            return &candidate;
    return nullptr;
}

constexpr WordKind Word::kind() const {
    if (*this == k_marker) return WordKind::Marker;
    if ((target() & ~1u) == 0) return WordKind::Nop;
    if (block() != nullptr) return WordKind::Register;
    const bool starts = selected(target()) == selected(k_enable_target);
    return starts && offset() == k_enable_offset ? WordKind::Enable : WordKind::Unknown;
}

}  // namespace rosenblatt::regcmd
