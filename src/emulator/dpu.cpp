// SPDX-License-Identifier: MIT
// DPU: registers to DpuTask.
#include "emulator/dpu.hpp"

#include <optional>
#include <string>

namespace rosenblatt::emulator {
namespace {

namespace dpu = npu::dpu;
using npu::Block;
using npu::DpuPrecision;

Fault unsupported(std::string sentence) {
    return make_fault(FaultKind::Unsupported, Block::Dpu, std::move(sentence));
}

bool is_real(DpuPrecision precision) {
    return precision == DpuPrecision::Fp16 || precision == DpuPrecision::Bf16 ||
           precision == DpuPrecision::Fp32;
}

std::optional<npu::Element> output_element(DpuPrecision precision) {
    switch (precision) {
        case DpuPrecision::Int8:
            return npu::Element::Int8;
        case DpuPrecision::Int16:
            return npu::Element::Int16;
        case DpuPrecision::Int32:
            return npu::Element::Int32;
        case DpuPrecision::Fp16:
            return npu::Element::Fp16;
        case DpuPrecision::Bf16:
            return npu::Element::Bf16;
        case DpuPrecision::Fp32:
            return npu::Element::Fp32;
        default:
            return std::nullopt;
    }
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
            .mul_operand = static_cast<uint16_t>(mul.operand),
            .shift = mul.shift,
            .shift_negative = shift_negative,
            .relux_limit = limit};
}

Check decode_format(const RegisterFile& registers, DpuTask& task) {
    const auto mode = registers.get<dpu::FEATURE_MODE_CFG>();
    const auto format = registers.get<dpu::DATA_FORMAT>();
    task.flying = mode.flying_mode;
    if (mode.output_mode != 2)
        return unsupported("OUTPUT_MODE " + std::to_string(mode.output_mode) +
                           ": only 2, to memory");
    if (mode.tp_en || registers.get<dpu::BS_OW_CFG>().tp_org_en)
        return unsupported("transposed output");
    if (format.mc_surf_out) return unsupported("MC_SURF_OUT");
    const auto out = output_element(format.out_precision);
    if (!out)
        return unsupported("output precision code " +
                           std::to_string(static_cast<uint32_t>(format.out_precision)));
    task.out = *out;
    task.in = format.in_precision;
    task.real = is_real(format.proc_precision);
    if (task.real != is_real(format.in_precision))
        return unsupported("input and processing precision of different kinds");
    if (task.real && !npu::is_float(task.out))
        return unsupported("integer output of floating-point processing");
    return std::nullopt;
}

void decode_stages(const RegisterFile& registers, const Switches& switches, DpuTask& task) {
    const auto format = registers.get<dpu::DATA_FORMAT>();
    task.bs = decode_stage(registers.get<dpu::BS_CFG>(), registers.get<dpu::BS_MUL_CFG>(),
                           registers.get<dpu::BS_ALU_CFG>().value,
                           registers.get<dpu::BS_RELUX_CMP>().value, format.bs_shift_neg);
    task.bn = decode_stage(registers.get<dpu::BN_CFG>(), registers.get<dpu::BN_MUL_CFG>(),
                           registers.get<dpu::BN_ALU_CFG>().value,
                           registers.get<dpu::BN_RELUX_CMP>().value, format.bn_shift_neg);
    task.bn.multiply_first = switches.bn_multiplies_first;
    const auto ow = registers.get<dpu::BS_OW_CFG>();
    task.cpend = !ow.od_bypass;
    task.cpend_from_memory = ow.ow_src;
    task.ow_operand = registers.get<dpu::BS_OW_OP>().ow_op;
    task.offset_pend = registers.get<dpu::OFFSET_PEND>().offset_pend;
    task.strides.group_atoms = ow.size_e_0 + 1U;
}

OperandFormat operand_format(npu::OperandSize size, const DpuTask& task, bool multiplies) {
    const bool bf16 = task.in == DpuPrecision::Bf16;
    if (task.real) {
        if (size == npu::OperandSize::Bits32)
            return multiplies ? OperandFormat::Fp16In32 : OperandFormat::Fp32;
        return bf16 ? OperandFormat::Bf16 : OperandFormat::Fp16;
    }
    switch (size) {
        case npu::OperandSize::Bits4:
            return OperandFormat::Int4;
        case npu::OperandSize::Bits8:
            return OperandFormat::Int8;
        case npu::OperandSize::Bits16:
            return OperandFormat::Int16;
        default:
            return multiplies ? OperandFormat::Int16In32 : OperandFormat::Int32;
    }
}

/// Eight registers in a row, EW_OP_VALUE_0 to _7.
std::array<uint32_t, 8> operand_values(const RegisterFile& registers) {
    std::array<uint32_t, 8> values{};
    for (uint16_t i = 0; i < values.size(); ++i)
        values[i] = registers.raw(static_cast<uint16_t>(dpu::EW_OP_VALUE_0::offset + 4 * i));
    return values;
}

Check decode_elementwise(const RegisterFile& registers, const TaskContext& context, DpuTask& task) {
    const auto cfg = registers.get<dpu::EW_CFG>();
    ElementwiseTask& ew = task.ew;
    ew.bypass = cfg.bypass;
    if (cfg.bypass) return std::nullopt;
    if (cfg.binary_en) return unsupported("EW_BINARY_EN is not described anywhere");
    ew.op_bypass = cfg.op_bypass;
    ew.multiplies = cfg.op_type == npu::EwOp::Mul;
    ew.prelu = cfg.mul_prelu;
    ew.from_memory = cfg.op_src;
    ew.algo = cfg.alu_algo;
    ew.format = operand_format(cfg.edata_size, task, ew.multiplies);
    ew.lut_bypass = cfg.lut_bypass;
    ew.relu_bypass = cfg.relu_bypass;
    ew.relux = cfg.relux_en;
    ew.relux_limit = registers.get<dpu::EW_RELUX_CMP>().value;
    if (ew.op_bypass) return std::nullopt;
    ew.convert = !cfg.op_cvt_bypass;
    if (ew.multiplies && ew.convert && task.real)
        return make_fault(FaultKind::BlockWaits, Block::Dpu,
                          "a floating-point EW multiplication with a live operand converter times "
                          "out on silicon");
    const auto scale = registers.get<dpu::EW_CVT_SCALE>();
    ew.converter = {.scale = static_cast<int16_t>(scale.scale),
                    .shift = scale.shift,
                    .offset = registers.get<dpu::EW_CVT_OFFSET>().value,
                    .add_first = cfg.cvt_type,
                    .rounding = cfg.cvt_round ? npu::Rounding::HalfAway : npu::Rounding::HalfEven};
    ew.truncate = scale.truncate;
    ew.truncate_negative = registers.get<dpu::DATA_FORMAT>().ew_truncate_neg;
    if (!ew.from_memory) {
        ew.values = operand_values(registers);
        context.doubt(FaultKind::Questionable, Block::Dpu,
                      "how EW_OP_VALUE_0 to _7 spread over the channels is a guess");
    }
    return std::nullopt;
}

npu::Rounding out_cvt_rounding(const Switches& switches, npu::Element out, bool cvt_round) {
    const npu::Rounding by_register = cvt_round ? npu::Rounding::HalfAway : npu::Rounding::HalfEven;
    switch (switches.out_cvt_rounding) {
        case OutCvtRounding::Register:
            return by_register;
        case OutCvtRounding::ByWidth:
            return npu::bits_of(out) == 32 ? npu::Rounding::Floor : by_register;
        case OutCvtRounding::HalfUp:
            return npu::Rounding::HalfUp;
        case OutCvtRounding::HalfEven:
            return npu::Rounding::HalfEven;
        case OutCvtRounding::Floor:
            return npu::Rounding::Floor;
    }
    return by_register;
}

void decode_output(const RegisterFile& registers, const TaskContext& context, DpuTask& task) {
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
    const auto scale = registers.get<dpu::OUT_CVT_SCALE>();
    const auto shift = registers.get<dpu::OUT_CVT_SHIFT>();
    task.convert = {.scale = static_cast<int16_t>(scale.scale),
                    .shift = shift.shift,
                    .offset = registers.get<dpu::OUT_CVT_OFFSET>().value,
                    .add_first = shift.cvt_type,
                    .rounding = out_cvt_rounding(context.switches, task.out, shift.cvt_round)};
    task.minus_exponent = shift.minus_exp;
    if (task.out == npu::Element::Fp16 && !scale.fp32tofp16_en)
        context.doubt(FaultKind::Questionable, Block::Dpu, "fp16 output without FP32TOFP16_EN");
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
    if (task.flying && task.original_channels != task.channels)
        context.doubt(FaultKind::Questionable, Block::Dpu,
                      "in flying mode ORIG_CHANNEL must equal CHANNEL");
    return std::nullopt;
}

}  // namespace

Check decode_dpu(const RegisterFile& registers, const TaskContext& context, DpuTask& task) {
    if (Check fault = decode_format(registers, task)) return fault;
    decode_stages(registers, context.switches, task);
    decode_output(registers, context, task);
    if (Check fault = decode_elementwise(registers, context, task)) return fault;
    return check_writer(registers, context, task);
}

}  // namespace rosenblatt::emulator
