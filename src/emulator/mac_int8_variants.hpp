// SPDX-License-Identifier: MIT
// The int8 multipliers for particular instruction sets: each appends itself where this CPU has
// them, and is empty on other architectures.
#pragma once

#include <vector>

#include "emulator/mac_int8.hpp"

namespace rosenblatt::emulator {

void add_avx512_variant(std::vector<MacInt8>& variants);    ///< 512 bits, vpdpbusd
void add_avx_vnni_variant(std::vector<MacInt8>& variants);  ///< 256 bits, vpdpbusd
void add_avx2_variant(std::vector<MacInt8>& variants);      ///< 256 bits, vpmaddwd on int16
void add_neon_variant(std::vector<MacInt8>& variants);      ///< 128 bits, sdot

}  // namespace rosenblatt::emulator
