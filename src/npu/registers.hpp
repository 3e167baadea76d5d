// SPDX-License-Identifier: MIT
// The generated registers, and looking one up by offset or name.
#pragma once

#include <string_view>

#include "npu/registers.gen.hpp"

namespace rosenblatt::npu {

/// The register at a full offset (block base included); null when the description has none.
const RegisterInfo* find_register(uint16_t offset);

/// The register of that block and name ("CNA", "CONV_CON1"); null when there is none.
const RegisterInfo* find_register(std::string_view block, std::string_view name);

/// The block of that name as in the disassembly ("DPU_RDMA"); null when there is none.
const BlockInfo* find_block(std::string_view name);

}  // namespace rosenblatt::npu
