// SPDX-License-Identifier: MIT
// Bit fields of registers: the only place with shifts and masks, and the types of the register
// table.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/bits.hpp"
#include "npu/block.hpp"

namespace rosenblatt::npu {

/// How the member of a register struct becomes bits.
enum class FieldKind : uint8_t {
    Number,    ///< plain unsigned
    Bits,      ///< plain unsigned, read as a bit pattern (hexadecimal)
    Flag,      ///< one bit
    MinusOne,  ///< the member holds a count, the hardware count - 1
    Signed,    ///< two's complement
    Address,   ///< the member is a byte address, zero below the field's low bit
    Enum,
};

/// How a field is known; registers/README.md explains the levels.
enum class Evidence : uint8_t { Hw, Capture, Mesa, Kernel, Xml, Trm, Derived, Guess };

struct EnumValue {
    std::string_view name;
    uint32_t value;
};

struct EnumInfo {
    std::string_view name;
    std::span<const EnumValue> values;
};

struct FieldInfo {
    std::string_view name;
    uint8_t high;
    uint8_t low;
    FieldKind kind;
    Evidence evidence;
    const EnumInfo* enumeration;  ///< null unless kind is Enum
    std::string_view unit;

    constexpr unsigned width() const { return high - low + 1u; }
    constexpr uint32_t mask() const { return (~uint32_t{0} >> (32 - width())) << low; }
    constexpr uint32_t extract(uint32_t raw) const { return (raw & mask()) >> low; }
};

struct RegisterInfo {
    std::string_view name;
    Block block;
    uint16_t offset;    ///< full offset, block base included
    uint32_t reserved;  ///< bits no field names
    std::span<const FieldInfo> fields;
    std::string_view brief;
};

/// A value was too large for its field. Not constexpr on purpose: in a constant expression the call
/// is a compile error; at run time it stops the process, because a wrong register drives a DMA
/// engine.
[[noreturn]] void field_overflow(const char* field, int64_t value, unsigned high, unsigned low);

namespace field {

template <FieldKind kind, unsigned high, unsigned low, typename T>
constexpr uint32_t pack(T member, const char* name) {
    static_assert(high < 32 && low <= high);
    constexpr unsigned width = high - low + 1;
    constexpr uint32_t mask = (~uint32_t{0} >> (32 - width)) << low;
    if constexpr (kind == FieldKind::Signed) {
        const auto bits = static_cast<uint32_t>(member) << (32 - width) >> (32 - width);
        if (sign_extend(bits, width) != member) field_overflow(name, member, high, low);
        return bits << low;
    } else if constexpr (kind == FieldKind::Address) {
        if ((member & ~mask) != 0) field_overflow(name, member, high, low);
        return member;
    } else {
        const auto plain = static_cast<uint32_t>(member);
        const uint32_t raw = kind == FieldKind::MinusOne ? plain - 1 : plain;
        if ((raw & ~(mask >> low)) != 0) field_overflow(name, plain, high, low);
        return raw << low;
    }
}

template <FieldKind kind, unsigned high, unsigned low, typename T>
constexpr T unpack(uint32_t raw) {
    constexpr unsigned width = high - low + 1;
    constexpr uint32_t mask = (~uint32_t{0} >> (32 - width)) << low;
    if constexpr (kind == FieldKind::Signed)
        return sign_extend((raw & mask) >> low, width);
    else if constexpr (kind == FieldKind::Address)
        return raw & mask;
    else if constexpr (kind == FieldKind::MinusOne)
        return ((raw & mask) >> low) + 1;
    else
        return static_cast<T>((raw & mask) >> low);
}

}  // namespace field

/// Offsets ascend inside their blocks' windows; fields stand from low to high without overlap and,
/// with the reserved bits, fill the word.
constexpr bool table_is_sound(std::span<const RegisterInfo> registers) {
    int last_offset = -1;
    for (const RegisterInfo& entry : registers) {
        if (entry.offset <= last_offset || !in_window(entry.block, entry.offset)) return false;
        last_offset = entry.offset;
        uint32_t seen = entry.reserved;
        for (const FieldInfo& part : entry.fields) {
            if ((seen & part.mask()) != 0 ||
                (part.kind == FieldKind::Enum) != (part.enumeration != nullptr))
                return false;
            seen |= part.mask();
        }
        if (seen != ~uint32_t{0}) return false;
    }
    return true;
}

}  // namespace rosenblatt::npu
