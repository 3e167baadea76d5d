// SPDX-License-Identifier: MIT
// Words to text, one line per word; assemble() turns every such text back into the same words.
//
//     0: CNA.CBUF_CON0              data_bank=1 weight_bank=11
//     1: CORE.0x3034                value=0x7            a register the description does not have
//   128: MARKER
//   129: ENABLE                     cna=1 core=1 dpu=1
//
// Fields that are zero are left out, except counts (stored less one, so zero is 1) and a register's
// only field. Bits nobody names print as !reserved=0x..., a target with odd bits as !target=0x...,
// and a word that is none of these as WORD 0x0123456789abcdef.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "regcmd/word.hpp"

namespace rosenblatt::regcmd {

/// One word, without index and line end.
std::string disassemble(Word word);

/// "CNA.CBUF_CON0"; "CNA.0x1034" when the block has no such register. For traces and messages.
std::string register_name(const npu::BlockInfo& block, uint16_t offset);

enum class Hex : uint8_t { No, AsComment };

/// One line per word, each with its index; with AsComment the word itself follows after a #.
std::string disassemble(std::span<const uint64_t> words, Hex hex = Hex::No);

}  // namespace rosenblatt::regcmd
