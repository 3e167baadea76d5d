// SPDX-License-Identifier: MIT
// DPU_RDMA: registers, the traps of hardware.md 1.3, per-channel operands.
#include "emulator/rdma.hpp"

#include <algorithm>
#include <string>

#include "emulator/elements.hpp"

namespace rosenblatt::emulator {
namespace {

namespace dpu_rdma = npu::dpu_rdma;
using npu::Block;

constexpr uint32_t k_combine = 5;  ///< COMB_USE of every published fused elementwise stream
constexpr uint32_t k_channel_group = 8;

/// Bytes of operands for 8 channels: the ALU's 32-bit words, then CPEND's 16-bit ones, then the
/// multiplier's. A lone multiplier operand takes 32 bits too.
struct OperandGroup {
    uint32_t alu, cpend, mul, mul_stride, bytes;
};

template <typename Use>
OperandGroup operand_group(const Use& use) {
    const uint32_t alu = use.use_alu ? 4 * k_channel_group : 0;
    const uint32_t cpend = use.use_cpend ? 2 * k_channel_group : 0;
    const uint32_t mul_stride = use.use_alu || use.use_cpend ? 2 : 4;
    const uint32_t mul = use.use_mul ? mul_stride * k_channel_group : 0;
    return {0, alu, alu + cpend, mul_stride, alu + cpend + mul};
}

template <typename Use>
Check read_channels(const Use& use, uint32_t address, uint32_t channels, const TaskContext& context,
                    const char* what, ChannelOperands& operands) {
    if (use.use_truncate)
        return make_fault(FaultKind::Unsupported, Block::DpuRdma,
                          "per-channel shifts are not described anywhere");
    const OperandGroup group = operand_group(use);
    if (group.bytes == 0) return std::nullopt;
    const int count = use.use_alu + use.use_cpend + use.use_mul;
    if (count == 2 || (count == 1 && use.use_cpend))
        context.doubt(FaultKind::Questionable, Block::DpuRdma,
                      "the memory order of these per-channel operands is a guess");
    const size_t per_channel = group.bytes / k_channel_group;
    std::vector<std::byte> bytes(align_up(channels, k_channel_group) * per_channel);
    const auto used = std::span(bytes).first(count == 1 ? channels * per_channel : bytes.size());
    if (const auto fault = context.bus.read(context.address(address), used))
        return read_fault(Block::DpuRdma, *fault, what);
    context.work.operand_bytes += used.size();
    for (uint32_t c = 0; c < channels; ++c) {
        const std::byte* base = bytes.data() + size_t{c / k_channel_group} * group.bytes;
        const size_t lane = c % k_channel_group;
        if (use.use_alu) operands.alu.push_back(load<uint32_t>(base + group.alu + 4 * lane));
        if (use.use_cpend) operands.cpend.push_back(load<uint16_t>(base + group.cpend + 2 * lane));
        if (use.use_mul)
            operands.mul.push_back(load<uint16_t>(base + group.mul + group.mul_stride * lane));
    }
    return std::nullopt;
}

/// A reader's pitch between surfaces is the processed map plus the notch behind it; without a notch
/// the ERDMA's stride register holds the pitch.
CubeWalk walk(uint32_t address, const RdmaTask& task, uint32_t line_notch, uint32_t surface_notch,
              uint32_t stride) {
    const uint64_t line = uint64_t{task.width} + line_notch;
    const uint64_t map = task.height * line;
    return {address, line, surface_notch == 0 && stride != 0 ? stride : map + surface_notch};
}

Check check_readers(const RdmaTask& task, uint32_t combine, const TaskContext& context) {
    const auto waits = [](const char* sentence) {
        return make_fault(FaultKind::RdmaUnconfigured, Block::DpuRdma, sentence);
    };
    if (task.flying && !task.main) return waits("flying mode with MRDMA disabled gets no data");
    if (task.flying && (combine & 1))
        return waits("flying mode with COMB_USE bit 0 set never completes");
    if (task.main && !task.flying && !task.combined)
        return waits("enabled with MRDMA neither disabled nor in flying mode: it waits for ever");
    if (task.combined && !task.elementwise)
        return waits("COMB_USE combines MRDMA with an ERDMA that is disabled");
    if (combine != 0 && combine != k_combine && combine != 4)
        context.doubt(FaultKind::Questionable, Block::DpuRdma,
                      "COMB_USE other than 0, 4 and 5 is not described");
    return std::nullopt;
}

}  // namespace

Check decode_rdma(const RegisterFile* registers, const TaskContext& context, RdmaTask& task) {
    if (registers == nullptr) return std::nullopt;
    const auto mode = registers->get<dpu_rdma::FEATURE_MODE_CFG>();
    const auto erdma = registers->get<dpu_rdma::ERDMA_CFG>();
    const auto height = registers->get<dpu_rdma::CUBE_HEIGHT>();
    const auto source = registers->get<dpu_rdma::SRC_DMA_CFG>();
    task.enabled = true;
    task.flying = mode.flying_mode;
    task.main = !mode.mrdma_disable;
    task.elementwise = !erdma.disable;
    task.combined = task.main && !task.flying && (mode.comb_use & 1);
    task.in = mode.in_precision;
    task.width = registers->get<dpu_rdma::CUBE_WIDTH>().width;
    task.height = height.height;
    task.channels = registers->get<dpu_rdma::CUBE_CHANNEL>().channel;
    task.mode = erdma.data_mode;
    task.size = erdma.data_size;
    if (source.unpooling_en) return make_fault(FaultKind::Unsupported, Block::DpuRdma, "unpooling");
    if (Check fault = check_readers(task, mode.comb_use, context)) return fault;
    task.main_walk = walk(registers->get<dpu_rdma::SRC_BASE_ADDR>().value, task, source.line_notch,
                          registers->get<dpu_rdma::SURF_NOTCH>().surf_notch, 0);
    if (task.elementwise)
        task.ew_walk =
            walk(registers->get<dpu_rdma::EW_BASE_ADDR>().value, task, height.ew_line_notch,
                 registers->get<dpu_rdma::EW_SURF_NOTCH>().surf_notch,
                 registers->get<dpu_rdma::EW_SURF_STRIDE>().surf_stride);
    if (Check fault = read_channels(registers->get<dpu_rdma::BRDMA_CFG>(),
                                    registers->get<dpu_rdma::BS_BASE_ADDR>().value, task.channels,
                                    context, "BS operands", task.bs))
        return fault;
    return read_channels(registers->get<dpu_rdma::NRDMA_CFG>(),
                         registers->get<dpu_rdma::BN_BASE_ADDR>().value, task.channels, context,
                         "BN operands", task.bn);
}

}  // namespace rosenblatt::emulator
