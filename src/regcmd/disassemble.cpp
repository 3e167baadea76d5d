// SPDX-License-Identifier: MIT
// Words to text.
#include "regcmd/disassemble.hpp"

#include <fmt/format.h>

#include "regcmd/field_text.hpp"

namespace rosenblatt::regcmd {
namespace {

/// A zero field says nothing unless zero stands for one, or nothing else would be left.
bool worth_printing(const npu::RegisterInfo& entry, const npu::FieldInfo& field, uint32_t raw) {
    return field.extract(raw) != 0 || field.kind == npu::FieldKind::MinusOne ||
           entry.fields.size() == 1;
}

std::string fields_text(const npu::RegisterInfo& entry, uint32_t raw) {
    std::string text;
    for (const npu::FieldInfo& field : entry.fields)
        if (worth_printing(entry, field, raw))
            text += fmt::format(" {}={}", field.name, field_text(field, raw));
    if ((raw & entry.reserved) != 0) text += fmt::format(" !reserved=0x{:x}", raw & entry.reserved);
    return text;
}

std::string line(std::string_view mnemonic, std::string_view fields, uint16_t target,
                 uint16_t usual_target) {
    std::string text =
        fields.empty() ? std::string(mnemonic) : fmt::format("{:<26}{}", mnemonic, fields);
    if (target != usual_target) text += fmt::format(" !target=0x{:04x}", target);
    return text;
}

std::string register_line(Word word) {
    const npu::BlockInfo& block = *word.block();
    const npu::RegisterInfo* entry = npu::find_register(word.offset());
    const bool known = entry != nullptr && entry->block == block.block;
    return line(
        register_name(block, word.offset()),
        known ? fields_text(*entry, word.value()) : fmt::format(" value=0x{:x}", word.value()),
        word.target(), block.target);
}

}  // namespace

std::string register_name(const npu::BlockInfo& block, uint16_t offset) {
    const npu::RegisterInfo* entry = npu::find_register(offset);
    if (entry != nullptr && entry->block == block.block)
        return fmt::format("{}.{}", block.name, entry->name);
    return fmt::format("{}.0x{:04x}", block.name, offset);
}

std::string disassemble(Word word) {
    switch (word.kind()) {
        case WordKind::Marker:
            return "MARKER";
        case WordKind::Register:
            return register_line(word);
        case WordKind::Enable:
            return line("ENABLE",
                        fields_text(*npu::find_register(EnableMask::offset), word.value()),
                        word.target(), k_enable_target);
        case WordKind::Nop:
            if (word == k_nop) return "NOP";
            break;
        case WordKind::Unknown:
            break;
    }
    return fmt::format("WORD 0x{:016x}", word.bits);
}

std::string disassemble(std::span<const uint64_t> words, Hex hex) {
    std::string text;
    for (size_t index = 0; index < words.size(); ++index) {
        const std::string line = fmt::format("{:>5}: {}", index, disassemble(Word{words[index]}));
        if (hex == Hex::AsComment)
            text += fmt::format("{:<72} # {:016x}\n", line, words[index]);
        else
            text += line + "\n";
    }
    return text;
}

}  // namespace rosenblatt::regcmd
