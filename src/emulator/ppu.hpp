// SPDX-License-Identifier: MIT
// PPU and PPU_RDMA: pooling of a feature cube from memory to memory (hardware.md 2.6).
#pragma once

#include "emulator/core_state.hpp"

namespace rosenblatt::emulator {

Check run_pooling(const TaskContext& context, const RegisterFile& ppu, const RegisterFile& rdma);

}  // namespace rosenblatt::emulator
