// SPDX-License-Identifier: MIT
// A convolution task: CNA, CORE and DPU (and DPU_RDMA) working together.
#pragma once

#include "emulator/cbuf.hpp"
#include "emulator/core_state.hpp"
#include "emulator/lut.hpp"

namespace rosenblatt::emulator {

struct ConvolutionBlocks {
    const RegisterFile& cna;
    const RegisterFile& core;
    const RegisterFile& dpu;
    const RegisterFile* rdma;  ///< null when not enabled
    const LutMemory& lut;
};

Check run_convolution(const TaskContext& context, Cbuf& cbuf, const ConvolutionBlocks& blocks);

}  // namespace rosenblatt::emulator
