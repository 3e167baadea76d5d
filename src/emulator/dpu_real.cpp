// SPDX-License-Identifier: MIT
// DPU: the stages in fp32, every operation rounded once, as IEEE has it.
#include <bit>
#include <cmath>

#include "emulator/dpu.hpp"

namespace rosenblatt::emulator {
namespace {

float alu(npu::AluAlgo algo, float a, float b) {
    switch (algo) {
        case npu::AluAlgo::Max:
            return a > b ? a : b;
        case npu::AluAlgo::Min:
            return a < b ? a : b;
        case npu::AluAlgo::Add:
            return a + b;
        case npu::AluAlgo::Div:
            return a / b;
        case npu::AluAlgo::Minus:
            return a - b;
        case npu::AluAlgo::Abs:
            return std::fabs(a);
        case npu::AluAlgo::Neg:
            return -a;
        case npu::AluAlgo::Floor:
            return std::floor(a);
        case npu::AluAlgo::Ceil:
            return std::ceil(a);
        default:
            return a;
    }
}

float multiply(float value, float operand, bool prelu) {
    return prelu && value >= 0 ? value : value * operand;
}

float rectify(float value, bool bypass, bool relux, uint32_t limit) {
    if (bypass) return value;
    const float positive = value > 0 ? value : 0.0F;
    const float most = std::bit_cast<float>(limit);
    return relux && positive > most ? most : positive;
}

}  // namespace

void Dpu::stage_real(SumTile& tile, const StageTask& stage, const ChannelOperands& memory) const {
    if (stage.bypass) return;
    for (uint32_t c = 0; c < tile.channels; ++c) {
        const uint32_t channel = tile.first_channel + c;
        const uint32_t addend_bits = stage.alu_from_memory && channel < memory.alu.size()
                                         ? memory.alu[channel]
                                         : stage.alu_operand;
        const uint16_t factor_bits = stage.mul_from_memory && channel < memory.mul.size()
                                         ? memory.mul[channel]
                                         : stage.mul_operand;
        const float addend = std::bit_cast<float>(addend_bits);
        const float factor = npu::fp32_from_fp16(factor_bits);
        for (size_t i = c; i < tile.reals.size(); i += tile.channels) {
            float value = tile.reals[i];
            if (!stage.mul_bypass && stage.multiply_first)
                value = multiply(value, factor, stage.prelu);
            if (!stage.alu_bypass) value = alu(stage.algo, value, addend);
            if (!stage.mul_bypass && !stage.multiply_first)
                value = multiply(value, factor, stage.prelu);
            tile.reals[i] = rectify(value, stage.relu_bypass, stage.relux, stage.relux_limit);
        }
    }
}

void Dpu::elementwise_real(SumTile& tile) const {
    const ElementwiseTask& ew = task_.ew;
    for (size_t i = 0; i < tile.reals.size(); ++i) {
        float value = tile.reals[i];
        if (!ew.op_bypass) {
            const float operand = real_operands_[i];  // the converter only widens it
            value =
                ew.multiplies ? multiply(value, operand, ew.prelu) : alu(ew.algo, value, operand);
        }
        if (!ew.lut_bypass) value = static_cast<float>(lut_(value));
        tile.reals[i] = rectify(value, ew.relu_bypass, ew.relux, ew.relux_limit);
    }
}

/// y = x * SCALE * 2^-MINUS_EXP + OFFSET, or with CVT_TYPE (x + OFFSET) * 2^-MINUS_EXP * SCALE.
void Dpu::convert_real(SumTile& tile) const {
    const npu::Requantise& cvt = task_.convert;
    if (cvt.scale == 1 && cvt.offset == 0 && task_.minus_exponent == 0) return;
    const auto offset = static_cast<float>(cvt.offset);
    const auto scale = static_cast<float>(cvt.scale);
    const int exponent = -static_cast<int>(task_.minus_exponent);
    for (float& value : tile.reals) {
        if (cvt.add_first)
            value = std::ldexp(value + offset, exponent) * scale;
        else
            value = std::ldexp(value * scale, exponent) + offset;
    }
}

}  // namespace rosenblatt::emulator
