// SPDX-License-Identifier: MIT
// DPU: post-processing of sums (BS, BN, EW, output converter) and the DMA that writes results.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "emulator/core_block.hpp"
#include "emulator/rdma.hpp"
#include "npu/cube.hpp"

namespace rosenblatt::emulator {

/// BS or BN: ALU, then multiplier, then ReLU.
struct StageTask {
    bool bypass = true;
    bool alu_bypass = true;
    bool mul_bypass = true;
    bool relu_bypass = true;
    bool relux = false;
    bool prelu = false;
    bool alu_from_memory = false;
    bool mul_from_memory = false;
    npu::AluAlgo algo = npu::AluAlgo::Add;
    uint32_t alu_operand = 0;
    uint32_t mul_operand = 0;
    uint32_t shift = 0;
    uint32_t shift_negative = 0;
    uint32_t relux_limit = 0;
};

struct DpuTask {
    npu::DpuPrecision in = npu::DpuPrecision::Int8;
    npu::DpuPrecision proc = npu::DpuPrecision::Int8;
    npu::Element out = npu::Element::Int8;
    uint32_t width = 0, height = 0, channels = 0, original_channels = 0;

    bool cpend = false;  ///< add ow_operand * sum of inputs
    bool cpend_from_memory = false;
    int32_t ow_operand = 0;
    int32_t offset_pend = 0;

    StageTask bs, bn;
    bool ew_bypass = true;
    npu::Requantise convert;

    uint32_t address = 0;
    npu::OutputStrides strides;
};

Check decode_dpu(const RegisterFile& registers, const TaskContext& context, DpuTask& task);

class Dpu {
  public:
    Dpu(const DpuTask& task, const CoreTask& core, const RdmaOperands& operands,
        const TaskContext& context);

    /// Takes a tile through all stages and writes it.
    Check process(SumTile& tile);

  private:
    void add_correction(SumTile& tile) const;
    void truncate(SumTile& tile) const;
    void stage(SumTile& tile, const StageTask& stage, const ChannelOperands& operands) const;
    void convert(SumTile& tile) const;
    void pad_channels(SumTile& tile) const;
    Check write(const SumTile& tile);
    void pack_atom(const SumTile& tile, uint32_t first, uint32_t count, std::byte* out) const;
    Check write_lines(const SumTile& tile, uint32_t atom, const std::byte* atoms);

    const DpuTask& task_;
    const CoreTask& core_;
    const RdmaOperands& operands_;
    const TaskContext& context_;
    std::vector<std::byte> atoms_;
};

}  // namespace rosenblatt::emulator
