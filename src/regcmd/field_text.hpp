// SPDX-License-Identifier: MIT
// Field values as text: shared by disassembler and assembler so that they cannot disagree.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "npu/field.hpp"

namespace rosenblatt::regcmd {

/// A word of somebody's text as a message shows it: short, and nothing that a terminal would obey.
std::string shown(std::string_view token);

/// The value of one field of a raw register: counts plain, enums by name, addresses in hexadecimal.
std::string field_text(const npu::FieldInfo& field, uint32_t raw);

/// The field's bits, at their place in the register.
Result<uint32_t> parse_field(const npu::FieldInfo& field, std::string_view text);

/// Decimal, or hexadecimal after 0x; a leading minus is allowed. All of `text` must be the number.
Result<int64_t> parse_number(std::string_view text);

/// The same for unsigned 64-bit words.
Result<uint64_t> parse_unsigned(std::string_view text);

}  // namespace rosenblatt::regcmd
