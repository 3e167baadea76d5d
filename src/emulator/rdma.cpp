// SPDX-License-Identifier: MIT
// DPU_RDMA: the trap of hardware.md 1.3, and per-channel operands.
#include "emulator/rdma.hpp"

#include <cstring>
#include <string>

namespace rosenblatt::emulator {
namespace {

namespace dpu_rdma = npu::dpu_rdma;
using npu::Block;

int32_t read_int32(const std::byte* bytes) {
    int32_t value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
}

int32_t read_int16(const std::byte* bytes) {
    int16_t value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
}

int32_t read_uint16(const std::byte* bytes) {
    uint16_t value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
}

/// Operands of one reader: per channel the ALU's 32 bits, then CPEND's 16, then the multiplier's
/// 16, as far as they are used (only the ALU alone is seen in published streams).
template <typename Use>
Check read_channels(const Use& use, uint32_t address, uint32_t channels, const TaskContext& context,
                    const char* what, ChannelOperands& operands) {
    if (use.use_truncate)
        return make_fault(FaultKind::Unsupported, Block::DpuRdma,
                          "per-channel shifts are not described anywhere");
    const uint32_t stride =
        (use.use_alu ? 4U : 0) + (use.use_cpend ? 2U : 0) + (use.use_mul ? 2U : 0);
    if (stride == 0) return std::nullopt;
    if (stride != 4 || !use.use_alu)
        context.doubt(FaultKind::Questionable, Block::DpuRdma,
                      "the memory order of several per-channel operands is a guess");
    std::vector<std::byte> bytes(size_t{channels} * stride);
    if (const auto fault = context.bus.read(context.address(address), bytes))
        return read_fault(Block::DpuRdma, *fault, what);
    context.work.operand_bytes += bytes.size();
    for (uint32_t c = 0; c < channels; ++c) {
        const bool interleaved = context.switches.operands_interleaved;
        const std::byte* alu = bytes.data() + size_t{c} * (interleaved ? stride : 4);
        const std::byte* cpend =
            interleaved ? alu + (use.use_alu ? 4 : 0)
                        : bytes.data() + (use.use_alu ? 4 : 0) * size_t{channels} + size_t{c} * 2;
        const std::byte* mul = interleaved
                                   ? cpend + (use.use_cpend ? 2 : 0)
                                   : bytes.data() + (stride - 2) * size_t{channels} + size_t{c} * 2;
        if (use.use_alu) operands.alu.push_back(read_int32(alu));
        if (use.use_cpend) operands.cpend.push_back(read_int16(cpend));
        if (use.use_mul) operands.mul.push_back(read_uint16(mul));
    }
    return std::nullopt;
}

}  // namespace

Check read_operands(const RegisterFile* registers, const TaskContext& context,
                    RdmaOperands& operands) {
    if (registers == nullptr) return std::nullopt;
    const auto mode = registers->get<dpu_rdma::FEATURE_MODE_CFG>();
    const auto erdma = registers->get<dpu_rdma::ERDMA_CFG>();
    if (!mode.mrdma_disable && !mode.flying_mode && mode.comb_use == 0)
        return make_fault(
            FaultKind::RdmaUnconfigured, Block::DpuRdma,
            "enabled with MRDMA neither disabled nor in flying mode: it waits for ever");
    if (!erdma.disable || !mode.mrdma_disable)
        return make_fault(FaultKind::Unsupported, Block::DpuRdma,
                          "elementwise operands are not emulated");
    const uint32_t channels = registers->get<dpu_rdma::CUBE_CHANNEL>().channel;
    if (Check fault = read_channels(registers->get<dpu_rdma::BRDMA_CFG>(),
                                    registers->get<dpu_rdma::BS_BASE_ADDR>().value, channels,
                                    context, "BS operands", operands.bs))
        return fault;
    return read_channels(registers->get<dpu_rdma::NRDMA_CFG>(),
                         registers->get<dpu_rdma::BN_BASE_ADDR>().value, channels, context,
                         "BN operands", operands.bn);
}

}  // namespace rosenblatt::emulator
