// SPDX-License-Identifier: MIT
// DPU: registers to DpuTask.
#include "emulator/dpu.hpp"

#include <string>

namespace rosenblatt::emulator {
namespace {

namespace dpu = npu::dpu;
using npu::Block;
using npu::DpuPrecision;

Fault unsupported(std::string sentence) {
    return make_fault(FaultKind::Unsupported, Block::Dpu, std::move(sentence));
}

template <typename Cfg, typename Mul>
StageTask decode_stage(const Cfg& cfg, const Mul& mul, uint32_t alu, uint32_t limit,
                       uint32_t shift_negative) {
    return {.bypass = cfg.bypass,
            .alu_bypass = cfg.alu_bypass,
            .mul_bypass = cfg.mul_bypass,
            .relu_bypass = cfg.relu_bypass,
            .relux = cfg.relux_en,
            .prelu = cfg.mul_prelu,
            .alu_from_memory = cfg.alu_src,
            .mul_from_memory = mul.mul_src,
            .algo = cfg.alu_algo,
            .alu_operand = alu,
            .mul_operand = mul.operand,
            .shift = mul.shift,
            .shift_negative = shift_negative,
            .relux_limit = limit};
}

Check decode_format(const RegisterFile& registers, DpuTask& task) {
    const auto mode = registers.get<dpu::FEATURE_MODE_CFG>();
    const auto format = registers.get<dpu::DATA_FORMAT>();
    if (mode.flying_mode) return unsupported("flying mode with a convolution");
    if (mode.output_mode != 2)
        return unsupported("OUTPUT_MODE " + std::to_string(mode.output_mode) +
                           ": only 2, to memory");
    if (mode.tp_en || registers.get<dpu::BS_OW_CFG>().tp_org_en)
        return unsupported("transposed output");
    task.in = format.in_precision;
    task.proc = format.proc_precision;
    switch (format.out_precision) {
        case DpuPrecision::Int8:
            task.out = npu::Element::Int8;
            break;
        case DpuPrecision::Int16:
            task.out = npu::Element::Int16;
            break;
        case DpuPrecision::Int32:
            task.out = npu::Element::Int32;
            break;
        default:
            return unsupported("output precision code " +
                               std::to_string(static_cast<uint32_t>(format.out_precision)));
    }
    if (task.in != DpuPrecision::Int8 || task.proc != DpuPrecision::Int8)
        return unsupported("only int8 processing");
    return std::nullopt;
}

void decode_stages(const RegisterFile& registers, DpuTask& task) {
    const auto format = registers.get<dpu::DATA_FORMAT>();
    task.bs = decode_stage(registers.get<dpu::BS_CFG>(), registers.get<dpu::BS_MUL_CFG>(),
                           registers.get<dpu::BS_ALU_CFG>().value,
                           registers.get<dpu::BS_RELUX_CMP>().value, format.bs_shift_neg);
    task.bn = decode_stage(registers.get<dpu::BN_CFG>(), registers.get<dpu::BN_MUL_CFG>(),
                           registers.get<dpu::BN_ALU_CFG>().value,
                           registers.get<dpu::BN_RELUX_CMP>().value, format.bn_shift_neg);
    task.ew_bypass = registers.get<dpu::EW_CFG>().bypass;
    const auto ow = registers.get<dpu::BS_OW_CFG>();
    task.cpend = !ow.od_bypass;
    task.cpend_from_memory = ow.ow_src;
    task.ow_operand = registers.get<dpu::BS_OW_OP>().ow_op;
    task.offset_pend = registers.get<dpu::OFFSET_PEND>().offset_pend;
    task.strides.group_atoms = ow.size_e_0 + 1U;
}

npu::Rounding out_cvt_rounding(const Switches& switches, npu::Element out, bool cvt_round) {
    const npu::Rounding by_register = cvt_round ? npu::Rounding::HalfUp : npu::Rounding::HalfEven;
    switch (switches.out_cvt_rounding) {
        case OutCvtRounding::ByWidth:
            return npu::bits_of(out) == 32 ? npu::Rounding::Floor : by_register;
        case OutCvtRounding::Register:
            return by_register;
        case OutCvtRounding::HalfUp:
            return npu::Rounding::HalfUp;
        case OutCvtRounding::HalfEven:
            return npu::Rounding::HalfEven;
        case OutCvtRounding::Floor:
            return npu::Rounding::Floor;
    }
    return by_register;
}

void decode_output(const RegisterFile& registers, const Switches& switches, DpuTask& task) {
    task.width = registers.get<dpu::DATA_CUBE_WIDTH>().width;
    task.height = registers.get<dpu::DATA_CUBE_HEIGHT>().height;
    const auto channel = registers.get<dpu::DATA_CUBE_CHANNEL>();
    task.channels = channel.channel;
    task.original_channels = channel.orig_channel;
    task.address = registers.get<dpu::DST_BASE_ADDR>().value;
    task.strides.width = task.width;
    task.strides.line_notch = registers.get<dpu::DATA_CUBE_NOTCH>().notch_0;
    task.strides.surface_stride = registers.get<dpu::DST_SURF_STRIDE>().surf_stride;
    task.strides.group_stride = registers.get<dpu::SURFACE_ADD>().surf_add;
    const auto shift = registers.get<dpu::OUT_CVT_SHIFT>();
    task.convert = {.scale = static_cast<int32_t>(registers.get<dpu::OUT_CVT_SCALE>().scale),
                    .shift = shift.shift,
                    .offset = registers.get<dpu::OUT_CVT_OFFSET>().value,
                    .add_first = shift.cvt_type,
                    .rounding = out_cvt_rounding(switches, task.out, shift.cvt_round)};
}

Check check_writer(const RegisterFile& registers, const TaskContext& context, const DpuTask& task) {
    const auto size_0 = registers.get<dpu::WDMA_SIZE_0>();
    const auto size_1 = registers.get<dpu::WDMA_SIZE_1>();
    if (size_0.channel != task.channels || size_1.width != task.width ||
        size_1.height != task.height)
        return make_fault(FaultKind::GeometryMismatch, Block::Dpu,
                          "WDMA_SIZE and DATA_CUBE describe different cubes");
    const auto ow = registers.get<dpu::BS_OW_CFG>();
    if (ow.size_e_0 != ow.size_e_1 || ow.size_e_0 != ow.size_e_2)
        context.doubt(FaultKind::Questionable, Block::Dpu, "SIZE_E_0, _1 and _2 differ");
    const auto notch = registers.get<dpu::DATA_CUBE_NOTCH>();
    if (notch.notch_0 != notch.notch_1)
        context.doubt(FaultKind::Questionable, Block::Dpu, "the two notches differ");
    if (task.address % npu::k_atom_bytes != 0)
        context.doubt(FaultKind::Questionable, Block::Dpu, "DST_BASE_ADDR is not 16-byte aligned");
    return std::nullopt;
}

}  // namespace

Check decode_dpu(const RegisterFile& registers, const TaskContext& context, DpuTask& task) {
    if (Check fault = decode_format(registers, task)) return fault;
    decode_stages(registers, task);
    decode_output(registers, context.switches, task);
    if (!task.ew_bypass) return unsupported("the EW stage is not emulated");
    return check_writer(registers, context, task);
}

}  // namespace rosenblatt::emulator
