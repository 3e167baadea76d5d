// SPDX-License-Identifier: MIT
// Looking up registers of the generated table.
#include "npu/registers.hpp"

#include <algorithm>

namespace rosenblatt::npu {

const RegisterInfo* find_register(uint16_t offset) {
    const auto* found = std::ranges::lower_bound(k_registers, offset, {}, &RegisterInfo::offset);
    return found != std::end(k_registers) && found->offset == offset ? found : nullptr;
}

const RegisterInfo* find_register(std::string_view block, std::string_view name) {
    const auto* found = std::ranges::find_if(k_registers, [&](const RegisterInfo& entry) {
        return entry.name == name && info(entry.block).name == block;
    });
    return found != std::end(k_registers) ? found : nullptr;
}

const BlockInfo* find_block(std::string_view name) {
    const auto* found = std::ranges::find(k_blocks, name, &BlockInfo::name);
    return found != std::end(k_blocks) ? found : nullptr;
}

}  // namespace rosenblatt::npu
