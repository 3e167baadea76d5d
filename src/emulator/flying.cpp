// SPDX-License-Identifier: MIT
// Flying mode: tiles of whole atoms go from MRDMA through the DPU's stages to memory.
#include "emulator/flying.hpp"

#include <algorithm>
#include <string>

namespace rosenblatt::emulator {
namespace {

using npu::Block;

constexpr uint32_t k_tile_channels = 32;  ///< whole atoms of every type
constexpr uint32_t k_tile_pixels = 1024;

Fault mismatch(std::string sentence) {
    return make_fault(FaultKind::GeometryMismatch, Block::DpuRdma, std::move(sentence));
}

bool same_cube(const DpuTask& dpu, const RdmaTask& rdma) {
    return dpu.width == rdma.width && dpu.height == rdma.height && dpu.channels == rdma.channels;
}

Check check_work(const DpuTask& dpu, const TaskContext& context) {
    const uint64_t values = uint64_t{dpu.width} * dpu.height * dpu.channels;
    const uint64_t cost = values * 16;  // a value costs the host about as much as 16 products
    if (cost > context.work_left)
        return make_fault(FaultKind::WorkLimit, Block::Dpu,
                          std::to_string(values) + " values are more than any watchdog lets pass");
    context.work_left -= cost;
    return std::nullopt;
}

}  // namespace

Check check_operands(const DpuTask& dpu, const RdmaTask& rdma, const TaskContext& context) {
    const bool wants = !dpu.ew.bypass && !dpu.ew.op_bypass && dpu.ew.from_memory;
    if (wants && !rdma.elementwise)
        return make_fault(FaultKind::BlockWaits, Block::Dpu,
                          "the EW stage waits for an operand that ERDMA does not fetch");
    if (!wants && rdma.elementwise)
        return make_fault(FaultKind::BlockWaits, Block::DpuRdma,
                          "ERDMA fetches an operand that the EW stage does not take");
    if (wants && !same_cube(dpu, rdma))
        return mismatch("DPU and DPU_RDMA describe different cubes");
    const bool per_channel = !rdma.bs.alu.empty() || !rdma.bs.mul.empty() ||
                             !rdma.bs.cpend.empty() || !rdma.bn.alu.empty() || !rdma.bn.mul.empty();
    if (per_channel && dpu.channels != rdma.channels)
        return mismatch("DPU and DPU_RDMA have different numbers of channels");
    const bool bs_alu = !dpu.bs.bypass && !dpu.bs.alu_bypass && dpu.bs.alu_from_memory;
    const bool bn_alu = !dpu.bn.bypass && !dpu.bn.alu_bypass && dpu.bn.alu_from_memory;
    if ((bs_alu && rdma.bs.alu.empty()) || (bn_alu && rdma.bn.alu.empty()))
        return make_fault(FaultKind::BlockWaits, Block::Dpu,
                          "BS or BN waits for per-channel operands that nobody fetches");
    if (wants && rdma.size == npu::OperandSize::Bits4)
        context.doubt(FaultKind::Questionable, Block::DpuRdma, "4-bit elementwise operands");
    return std::nullopt;
}

Check run_flying(const TaskContext& context, const RegisterFile& dpu_registers,
                 const RegisterFile& rdma_registers, const LutMemory& memory) {
    DpuTask task;
    RdmaTask rdma;
    if (Check fault = decode_dpu(dpu_registers, context, task)) return fault;
    if (!task.flying)
        return make_fault(FaultKind::BlockWaits, Block::Dpu,
                          "without flying mode the DPU waits for CORE, which is not enabled");
    if (Check fault = decode_rdma(&rdma_registers, context, rdma)) return fault;
    if (!rdma.flying)
        return make_fault(FaultKind::RdmaUnconfigured, Block::DpuRdma,
                          "the DPU is in flying mode, DPU_RDMA is not");
    if (!same_cube(task, rdma)) return mismatch("DPU and DPU_RDMA describe different cubes");
    if (rdma.in != task.in)
        context.doubt(FaultKind::Questionable, Block::DpuRdma,
                      "DPU and DPU_RDMA name different input precisions");
    if (Check fault = check_operands(task, rdma, context)) return fault;
    if (Check fault = check_work(task, context)) return fault;

    Lut lut;
    if (!task.ew.bypass && !task.ew.lut_bypass)
        lut = Lut(dpu_registers, memory, context.switches.lut_rounds);
    Dpu dpu(task, nullptr, rdma, lut, context);
    CubeReader reader(rdma, context);
    SumTile tile;
    const uint32_t pixels = task.width * task.height;
    context.work.rows = pixels;
    for (uint32_t channel = 0; channel < task.channels; channel += k_tile_channels) {
        tile.first_channel = channel;
        tile.channels = std::min(k_tile_channels, task.channels - channel);
        for (uint32_t pixel = 0; pixel < pixels; pixel += k_tile_pixels) {
            tile.first_pixel = pixel;
            tile.pixels = std::min(k_tile_pixels, pixels - pixel);
            if (Check fault = reader.read_main(tile)) return fault;
            if (tile.real != task.real)
                return make_fault(FaultKind::Unsupported, Block::DpuRdma,
                                  "MRDMA brings another kind of number than the DPU processes");
            if (Check fault = dpu.process(tile)) return fault;
        }
    }
    return std::nullopt;
}

}  // namespace rosenblatt::emulator
