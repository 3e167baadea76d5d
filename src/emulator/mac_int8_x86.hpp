// SPDX-License-Identifier: MIT
// The int8 multiplier with x86 vector instructions.
#pragma once

#include <vector>

#include "emulator/mac_int8.hpp"

namespace rosenblatt::emulator {

/// Appends the variants this CPU can run, the best first.
void add_x86_variants(std::vector<MacInt8>& variants);

}  // namespace rosenblatt::emulator
