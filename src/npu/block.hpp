// SPDX-License-Identifier: MIT
// The NPU's blocks: names, register windows, codes in a command word, bits in the enable mask.
#pragma once

#include <cstdint>
#include <string_view>

namespace rosenblatt::npu {

enum class Block : uint8_t { Pc, Cna, Core, Dpu, DpuRdma, Ppu, PpuRdma, Global };

struct BlockInfo {
    Block block;
    std::string_view name;  ///< as in the disassembly
    uint16_t base;          ///< first register offset; the window is 4 KiB
    uint16_t target;        ///< bits 63:48 of a command word as every emitter writes them; 0: none
    uint32_t enable;        ///< bit in GLOBAL.OPERATION_ENABLE and in the enable word; 0: none
};

inline constexpr uint16_t k_block_window = 0x1000;

inline constexpr BlockInfo k_blocks[] = {
    {Block::Pc, "PC", 0x0000, 0x0101, 0},
    {Block::Cna, "CNA", 0x1000, 0x0201, 1u << 0},
    {Block::Core, "CORE", 0x3000, 0x0801, 1u << 2},
    {Block::Dpu, "DPU", 0x4000, 0x1001, 1u << 3},
    {Block::DpuRdma, "DPU_RDMA", 0x5000, 0x2001, 1u << 4},
    {Block::Ppu, "PPU", 0x6000, 0x4001, 1u << 5},
    {Block::PpuRdma, "PPU_RDMA", 0x7000, 0x8001, 1u << 6},
    {Block::Global, "GLOBAL", 0xf000, 0x0000, 0},
};

constexpr const BlockInfo& info(Block block) {
    return k_blocks[static_cast<unsigned>(block)];
}

constexpr bool in_window(Block block, uint16_t offset) {
    return offset / k_block_window == info(block).base / k_block_window;
}

/// The block whose window holds `offset`; null when none does.
constexpr const BlockInfo* block_of_offset(uint16_t offset) {
    for (const BlockInfo& candidate : k_blocks)
        if (in_window(candidate.block, offset)) return &candidate;
    return nullptr;
}

}  // namespace rosenblatt::npu
