// SPDX-License-Identifier: MIT
// A flying task: DPU and DPU_RDMA alone; the main data come from memory, not from CORE.
#pragma once

#include "emulator/core_state.hpp"
#include "emulator/dpu.hpp"

namespace rosenblatt::emulator {

Check run_flying(const TaskContext& context, const RegisterFile& dpu, const RegisterFile& rdma,
                 const LutMemory& lut);

/// Whether what the DPU's stages expect is what DPU_RDMA brings.
Check check_operands(const DpuTask& dpu, const RdmaTask& rdma, const TaskContext& context);

}  // namespace rosenblatt::emulator
