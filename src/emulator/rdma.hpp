// SPDX-License-Identifier: MIT
// DPU_RDMA: the operands that the DPU's stages take from memory.
#pragma once

#include <cstdint>
#include <vector>

#include "emulator/core_state.hpp"

namespace rosenblatt::emulator {

/// Per-channel operands of one stage; empty vectors where the RDMA was not asked for them.
struct ChannelOperands {
    std::vector<int32_t> alu;
    std::vector<int32_t> mul;
    std::vector<int32_t> cpend;
};

struct RdmaOperands {
    ChannelOperands bs;
    ChannelOperands bn;
};

/// Reads what BRDMA and NRDMA are asked for; `registers` null: the block is not enabled.
Check read_operands(const RegisterFile* registers, const TaskContext& context,
                    RdmaOperands& operands);

}  // namespace rosenblatt::emulator
