// SPDX-License-Identifier: MIT
// Text to words.
#include "regcmd/assemble.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <span>
#include <string>

#include "regcmd/field_text.hpp"
#include "regcmd/word.hpp"

namespace rosenblatt::regcmd {
namespace {

using Tokens = std::vector<std::string_view>;

Tokens tokens_of(std::string_view line) {
    constexpr std::string_view blanks = " \t\r";
    line = line.substr(0, line.find_first_of("#;"));
    Tokens tokens;
    for (;;) {
        const size_t start = line.find_first_not_of(blanks);
        if (start == std::string_view::npos) return tokens;
        const size_t length = std::min(line.find_first_of(blanks, start), line.size()) - start;
        tokens.push_back(line.substr(start, length));
        line = line.substr(start + length);
    }
}

bool is_index(std::string_view token) {
    return token.size() > 1 && token.back() == ':' &&
           token.find_first_not_of("0123456789") == token.size() - 1;
}

std::string field_names(const npu::RegisterInfo& entry) {
    std::string names;
    for (const npu::FieldInfo& field : entry.fields)
        names += fmt::format("{}{}", names.empty() ? "" : ", ", field.name);
    return names;
}

/// What the key=value words of one line add up to.
struct Operands {
    uint32_t value = 0;
    std::optional<uint16_t> target;
};

/// Reads the fields of `entry`; null means a register nobody described, whose only field is
/// `value`.
class OperandReader {
  public:
    explicit OperandReader(const npu::RegisterInfo* entry) : entry_(entry) {}

    Result<Operands> read(std::span<const std::string_view> tokens) {
        for (const std::string_view token : tokens) {
            const size_t equals = token.find('=');
            if (equals == std::string_view::npos)
                return Error{0, fmt::format("'{}' is not of the form field=value", shown(token))};
            const std::string_view key = token.substr(0, equals);
            if (std::ranges::find(seen_, key) != seen_.end())
                return Error{0, fmt::format("'{}' is given twice", shown(key))};
            seen_.push_back(key);
            if (Result<void> done = take(key, token.substr(equals + 1)); !done) return done.error();
        }
        return operands_;
    }

  private:
    Result<void> take(std::string_view key, std::string_view text) {
        if (key == "!target") return take_target(text);
        if (entry_ == nullptr) {
            if (key == "value") return add(text, ~uint32_t{0});
            return Error{0,
                         fmt::format("a register without a description has only 'value', not '{}'",
                                     shown(key))};
        }
        if (key == "!reserved") return add(text, entry_->reserved);
        const auto field = std::ranges::find(entry_->fields, key, &npu::FieldInfo::name);
        if (field == entry_->fields.end())
            return Error{0, fmt::format("{} has no field '{}', only {}", entry_->name, shown(key),
                                        field_names(*entry_))};
        const Result<uint32_t> bits = parse_field(*field, text);
        if (!bits) return bits.error();
        operands_.value |= *bits;
        return {};
    }

    Result<void> add(std::string_view text, uint32_t allowed) {
        const Result<uint64_t> bits = parse_unsigned(text);
        if (!bits) return bits.error();
        if ((*bits & ~uint64_t{allowed}) != 0)
            return Error{0, fmt::format("{} has bits outside 0x{:x}", shown(text), allowed)};
        operands_.value |= static_cast<uint32_t>(*bits);
        return {};
    }

    Result<void> take_target(std::string_view text) {
        const Result<uint64_t> target = parse_unsigned(text);
        if (!target) return target.error();
        if (*target > std::numeric_limits<uint16_t>::max())
            return Error{0, fmt::format("target {} is wider than 16 bits", shown(text))};
        operands_.target = static_cast<uint16_t>(*target);
        return {};
    }

    const npu::RegisterInfo* entry_;
    std::vector<std::string_view> seen_;
    Operands operands_;
};

Result<uint64_t> with_operands(const npu::RegisterInfo* entry, uint16_t usual_target,
                               uint16_t offset, std::span<const std::string_view> tokens) {
    const Result<Operands> operands = OperandReader(entry).read(tokens);
    if (!operands) return operands.error();
    const uint16_t target = operands->target.value_or(usual_target);
    if (selected(target) != selected(usual_target))
        return Error{0, fmt::format("target 0x{:04x} does not select this block (0x{:04x} does)",
                                    target, usual_target)};
    return make_word(target, offset, operands->value).bits;
}

Result<uint64_t> register_word(std::string_view mnemonic,
                               std::span<const std::string_view> operands) {
    const size_t dot = mnemonic.find('.');
    if (dot == std::string_view::npos)
        return Error{
            0, fmt::format("'{}' is no word: write BLOCK.REGISTER, ENABLE, MARKER, NOP or WORD",
                           shown(mnemonic))};
    const npu::BlockInfo* block = npu::find_block(mnemonic.substr(0, dot));
    const std::string_view name = mnemonic.substr(dot + 1);
    if (block == nullptr || block->target == 0)
        return Error{0,
                     fmt::format("no stream reaches a block '{}'", shown(mnemonic.substr(0, dot)))};
    if (const npu::RegisterInfo* entry = npu::find_register(block->name, name))
        return with_operands(entry, block->target, entry->offset, operands);
    const Result<uint64_t> offset = parse_unsigned(name);
    if (!offset || *offset > std::numeric_limits<uint16_t>::max())
        return Error{0, fmt::format("{} has no register '{}': write its name or 16-bit offset",
                                    block->name, shown(name))};
    const auto short_offset = static_cast<uint16_t>(*offset);
    const npu::RegisterInfo* entry = npu::find_register(short_offset);
    return with_operands(entry != nullptr && entry->block == block->block ? entry : nullptr,
                         block->target, short_offset, operands);
}

Result<uint64_t> plain_word(std::span<const std::string_view> operands) {
    if (operands.size() != 1) return Error{0, "WORD takes one number"};
    return parse_unsigned(operands[0]);
}

Result<uint64_t> word_of(std::string_view mnemonic, std::span<const std::string_view> operands) {
    if (mnemonic == "WORD") return plain_word(operands);
    if (mnemonic == "ENABLE")
        return with_operands(npu::find_register(EnableMask::offset), k_enable_target,
                             k_enable_offset, operands);
    if (mnemonic != "NOP" && mnemonic != "MARKER") return register_word(mnemonic, operands);
    if (!operands.empty()) return Error{0, fmt::format("{} takes nothing after it", mnemonic)};
    return mnemonic == "NOP" ? k_nop.bits : k_marker.bits;
}

}  // namespace

Result<std::vector<uint64_t>> assemble(std::string_view text) {
    std::vector<uint64_t> words;
    for (size_t line = 1; !text.empty(); ++line) {
        const size_t end = std::min(text.find('\n'), text.size());
        const Tokens tokens = tokens_of(text.substr(0, end));
        text = text.substr(std::min(end + 1, text.size()));
        std::span<const std::string_view> rest = tokens;
        if (!rest.empty() && is_index(rest[0])) rest = rest.subspan(1);
        if (rest.empty()) continue;
        const Result<uint64_t> word = word_of(rest[0], rest.subspan(1));
        if (!word) return Error{0, fmt::format("line {}: {}", line, word.error().message)};
        words.push_back(*word);
    }
    return words;
}

}  // namespace rosenblatt::regcmd
