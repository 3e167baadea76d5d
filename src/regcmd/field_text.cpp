// SPDX-License-Identifier: MIT
// Field values as text: shared by disassembler and assembler so that they cannot disagree.
#include "regcmd/field_text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>

#include "base/bits.hpp"

namespace rosenblatt::regcmd {

using npu::FieldInfo;
using npu::FieldKind;

std::string shown(std::string_view token) {
    constexpr size_t longest = 40;
    std::string text;
    for (const char c : token.substr(0, longest)) {
        if (c >= ' ' && c <= '~')
            text += c;
        else
            text += fmt::format("\\x{:02x}", static_cast<uint8_t>(c));
    }
    return token.size() > longest ? text + "..." : text;
}

std::string field_text(const FieldInfo& field, uint32_t raw) {
    const uint32_t bits = field.extract(raw);
    switch (field.kind) {
        case FieldKind::Address:
            return fmt::format("0x{:x}", raw & field.mask());
        case FieldKind::Bits:
            return fmt::format("0x{:x}", bits);
        case FieldKind::Signed:
            return fmt::format("{}", sign_extend(bits, field.width()));
        case FieldKind::MinusOne:
            return fmt::format("{}", uint64_t{bits} + 1);
        case FieldKind::Enum:
            for (const npu::EnumValue& named : field.enumeration->values)
                if (named.value == bits) return std::string(named.name);
            return fmt::format("{}", bits);
        case FieldKind::Number:
        case FieldKind::Flag:
            return fmt::format("{}", bits);
    }
    return {};
}

namespace {

std::string enum_names(const npu::EnumInfo& enumeration) {
    std::string names;
    for (const npu::EnumValue& named : enumeration.values)
        names += fmt::format("{}{}", names.empty() ? "" : ", ", named.name);
    return names;
}

/// Range of member values the field can hold.
struct Range {
    int64_t low, high;
};

Range range_of(const FieldInfo& field) {
    const int64_t span = int64_t{1} << field.width();
    switch (field.kind) {
        case FieldKind::Signed:
            return {-span / 2, span / 2 - 1};
        case FieldKind::MinusOne:
            return {1, span};
        case FieldKind::Address:
            return {0, field.mask()};
        default:
            return {0, span - 1};
    }
}

}  // namespace

Result<uint32_t> parse_field(const FieldInfo& field, std::string_view text) {
    if (field.kind == FieldKind::Enum)
        for (const npu::EnumValue& named : field.enumeration->values)
            if (named.name == text) return named.value << field.low;
    const Result<int64_t> number = parse_number(text);
    if (!number) {
        if (field.kind != FieldKind::Enum) return number.error();
        return Error{0, fmt::format("'{}' is no {}: write {} or a number", shown(text),
                                    field.enumeration->name, enum_names(*field.enumeration))};
    }
    const auto [low, high] = range_of(field);
    if (*number < low || *number > high)
        return Error{0, fmt::format("{} = {} does not fit: write {} to {}", field.name, shown(text),
                                    low, high)};
    const auto member = static_cast<uint32_t>(*number);
    if (field.kind == FieldKind::Address) {
        if ((member & ~field.mask()) != 0)
            return Error{0, fmt::format("{} = {} is not a multiple of {}", field.name, shown(text),
                                        uint64_t{1} << field.low)};
        return member;
    }
    return ((field.kind == FieldKind::MinusOne ? member - 1 : member) << field.low) & field.mask();
}

Result<uint64_t> parse_unsigned(std::string_view text) {
    const bool hex = text.starts_with("0x") || text.starts_with("0X");
    const std::string_view digits = hex ? text.substr(2) : text;
    uint64_t value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
    if (error != std::errc{} || end != digits.data() + digits.size())
        return Error{0, fmt::format("'{}' is not a number: write 12 or 0xc", shown(text))};
    return value;
}

Result<int64_t> parse_number(std::string_view text) {
    const bool negative = text.starts_with('-');
    Result<uint64_t> magnitude = parse_unsigned(negative ? text.substr(1) : text);
    if (!magnitude) return magnitude.error();
    if (*magnitude > uint64_t{std::numeric_limits<int64_t>::max()})
        return Error{0, fmt::format("{} is far too large", shown(text))};
    const auto value = static_cast<int64_t>(*magnitude);
    return negative ? -value : value;
}

}  // namespace rosenblatt::regcmd
