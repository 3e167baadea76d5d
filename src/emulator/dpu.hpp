// SPDX-License-Identifier: MIT
// DPU: post-processing of sums (BS, BN, EW with LUT, output converter) and the DMA that writes
// results.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "emulator/lut.hpp"
#include "emulator/rdma.hpp"
#include "emulator/sum_tile.hpp"
#include "npu/convert.hpp"
#include "npu/cube.hpp"

namespace rosenblatt::emulator {

struct CoreTask;

/// BS or BN: an ALU, a multiplier, a ReLU.
struct StageTask {
    bool bypass = true;
    bool alu_bypass = true;
    bool mul_bypass = true;
    bool relu_bypass = true;
    bool relux = false;
    bool prelu = false;
    bool alu_from_memory = false;
    bool mul_from_memory = false;
    bool multiply_first = false;
    npu::AluAlgo algo = npu::AluAlgo::Add;
    uint32_t alu_operand = 0;  ///< int32, or fp32 bits when the processing is in floating point
    uint16_t mul_operand = 0;  ///< int16, or fp16 bits
    uint32_t shift = 0;
    uint32_t shift_negative = 0;
    uint32_t relux_limit = 0;
};

/// The elementwise stage: operand converter, ALU or multiplier, LUT, ReLU.
struct ElementwiseTask {
    bool bypass = true;
    bool op_bypass = true;
    bool multiplies = false;
    bool prelu = false;
    bool from_memory = false;
    npu::AluAlgo algo = npu::AluAlgo::Add;
    OperandFormat format = OperandFormat::Int8;
    bool convert = false;
    npu::Requantise converter;
    uint32_t truncate = 0;  ///< right shift of products, and of negative ones
    uint32_t truncate_negative = 0;
    std::array<uint32_t, 8> values{};  ///< EW_OP_VALUE, when not from memory
    bool lut_bypass = true;
    bool relu_bypass = true;
    bool relux = false;
    uint32_t relux_limit = 0;
};

struct DpuTask {
    bool flying = false;
    bool real = false;  ///< the stages work in fp32, not on integers
    npu::DpuPrecision in = npu::DpuPrecision::Int8;
    npu::Element out = npu::Element::Int8;
    uint32_t width = 0, height = 0, channels = 0, original_channels = 0;

    bool cpend = false;  ///< add ow_operand * sum of inputs
    bool cpend_from_memory = false;
    int32_t ow_operand = 0;
    int32_t offset_pend = 0;
    /// The sums of inputs can make a difference.
    bool corrects() const { return cpend && (ow_operand != 0 || cpend_from_memory); }

    StageTask bs, bn;
    ElementwiseTask ew;
    npu::Requantise convert;
    uint32_t minus_exponent =
        0;  ///< floating point only: the result is scaled by 2^-minus_exponent

    uint32_t address = 0;
    npu::OutputStrides strides;
};

Check decode_dpu(const RegisterFile& registers, const TaskContext& context, DpuTask& task);

class Dpu {
  public:
    /// `core` null: flying mode.
    Dpu(const DpuTask& task, const CoreTask* core, const RdmaTask& rdma, const Lut& lut,
        const TaskContext& context);

    /// Takes a tile through all stages and writes it.
    Check process(SumTile& tile);

  private:
    // dpu_integer.cpp
    void add_correction(SumTile& tile) const;
    void truncate(SumTile& tile) const;
    void stage_integer(SumTile& tile, const StageTask& stage, const ChannelOperands& memory) const;
    void elementwise_integer(SumTile& tile) const;
    void convert_integer(SumTile& tile) const;
    // dpu_real.cpp
    void stage_real(SumTile& tile, const StageTask& stage, const ChannelOperands& memory) const;
    void elementwise_real(SumTile& tile) const;
    void convert_real(SumTile& tile) const;
    // dpu_stages.cpp
    Check elementwise(SumTile& tile);
    void pad_channels(SumTile& tile) const;
    // dpu_writer.cpp
    Check write(const SumTile& tile);
    void pack_atom(const SumTile& tile, uint32_t first, uint32_t count, std::byte* out) const;
    void pack_real(const float* values, uint32_t count, std::byte* out) const;
    Check write_lines(const SumTile& tile, uint32_t atom, const std::byte* atoms);

    const DpuTask& task_;
    const CoreTask* core_;
    const RdmaTask& rdma_;
    const Lut& lut_;
    const TaskContext& context_;
    CubeReader reader_;
    std::vector<int32_t> int_operands_;  ///< of EW, one per value of the tile
    std::vector<float> real_operands_;
    std::vector<std::byte> atoms_;
};

}  // namespace rosenblatt::emulator
