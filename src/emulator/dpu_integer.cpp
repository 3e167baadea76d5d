// SPDX-License-Identifier: MIT
// DPU: the stages on integers. Between stages values are 32 bits wide and saturate.
#include <algorithm>

#include "emulator/core_block.hpp"
#include "emulator/dpu.hpp"

namespace rosenblatt::emulator {
namespace {

/// Wide on purpose: BS multiplies the unsaturated sum (measured, docs/numerics.md).
int64_t alu(npu::AluAlgo algo, int64_t a, int64_t b) {
    switch (algo) {
        case npu::AluAlgo::Max:
            return std::max(a, b);
        case npu::AluAlgo::Min:
            return std::min(a, b);
        case npu::AluAlgo::Add:
            return a + b;
        case npu::AluAlgo::Div:
            return b == 0 ? a : a / b;
        case npu::AluAlgo::Minus:
            return a - b;
        case npu::AluAlgo::Abs:
            return a < 0 ? -a : a;
        case npu::AluAlgo::Neg:
            return -a;
        default:
            return a;  // floor and ceil of an integer
    }
}

/// The shift goes by the sign of the product, and rounds half to even.
int64_t multiply(int64_t value, int64_t operand, bool prelu, uint32_t shift, uint32_t negative) {
    if (prelu && value >= 0) return value;
    const int64_t product = value * operand;  // 34 bits times 16
    return npu::round_shift(product, product < 0 ? negative : shift, npu::Rounding::HalfEven);
}

int32_t rectify(int64_t value, bool bypass, bool relux, uint32_t limit) {
    if (!bypass) value = std::max<int64_t>(value, 0);
    if (!bypass && relux) value = std::min<int64_t>(value, static_cast<int32_t>(limit));
    return npu::saturate_to<int32_t>(value);
}

/// The channel's operand from memory; the register's where memory has none.
template <typename T>
T operand_of(const std::vector<T>& memory, bool from_memory, uint32_t channel, T value) {
    return from_memory && channel < memory.size() ? memory[channel] : value;
}

}  // namespace

void Dpu::add_correction(SumTile& tile) const {
    if (!task_.cpend || tile.window_sums.empty()) return;
    if (task_.ow_operand == 0 && !task_.cpend_from_memory) return;
    for (uint32_t c = 0; c < tile.channels; ++c) {
        const int64_t operand = static_cast<int16_t>(
            operand_of(rdma_.bs.cpend, task_.cpend_from_memory, tile.first_channel + c,
                       static_cast<uint16_t>(task_.ow_operand)));
        for (uint32_t p = 0; p < tile.pixels; ++p) {
            const size_t at = size_t{p} * tile.channels + c;
            const int64_t sum = tile.window_sums[tile.sums_per_channel ? at : p];
            tile.values[at] = npu::saturate_to<int32_t>(tile.values[at] + sum * operand);
        }
    }
}

void Dpu::truncate(SumTile& tile) const {
    if (core_ == nullptr || core_->truncate == 0) return;
    for (int32_t& value : tile.values)
        value = static_cast<int32_t>(
            npu::round_shift(value, core_->truncate, core_->truncate_rounding));
}

void Dpu::stage_integer(SumTile& tile, const StageTask& stage,
                        const ChannelOperands& memory) const {
    if (stage.bypass) return;
    for (uint32_t c = 0; c < tile.channels; ++c) {
        const uint32_t channel = tile.first_channel + c;
        const auto addend = static_cast<int32_t>(
            operand_of(memory.alu, stage.alu_from_memory, channel, stage.alu_operand));
        const auto factor = static_cast<int16_t>(
            operand_of(memory.mul, stage.mul_from_memory, channel, stage.mul_operand));
        for (size_t i = c; i < tile.values.size(); i += tile.channels) {
            int64_t value = tile.values[i];
            if (!stage.mul_bypass && stage.multiply_first)
                value = multiply(value, factor, stage.prelu, stage.shift, stage.shift_negative);
            if (!stage.alu_bypass) value = alu(stage.algo, value, addend);
            if (!stage.mul_bypass && !stage.multiply_first)
                value = multiply(value, factor, stage.prelu, stage.shift, stage.shift_negative);
            tile.values[i] = rectify(value, stage.relu_bypass, stage.relux, stage.relux_limit);
        }
    }
}

void Dpu::elementwise_integer(SumTile& tile) const {
    const ElementwiseTask& ew = task_.ew;
    for (size_t i = 0; i < tile.values.size(); ++i) {
        int64_t value = tile.values[i];
        if (!ew.op_bypass) {
            int64_t operand = int_operands_[i];
            if (ew.convert) operand = npu::saturate_to<int32_t>(ew.converter(int_operands_[i]));
            value = ew.multiplies ? multiply(value, static_cast<int16_t>(operand), ew.prelu,
                                             ew.truncate, ew.truncate_negative)
                                  : alu(ew.algo, value, operand);
        }
        if (!ew.lut_bypass)
            value =
                static_cast<int64_t>(lut_(static_cast<double>(npu::saturate_to<int32_t>(value))));
        tile.values[i] = rectify(value, ew.relu_bypass, ew.relux, ew.relux_limit);
    }
}

void Dpu::convert_integer(SumTile& tile) const {
    const npu::Requantise& cvt = task_.convert;
    const bool neutral = cvt.scale == 1 && cvt.shift == 0 && cvt.offset == 0;
    const unsigned bits = npu::is_float(task_.out) ? 32 : npu::bits_of(task_.out);
    if (neutral && bits == 32) return;
    const int64_t high = (int64_t{1} << (bits - 1)) - 1;
    for (int32_t& value : tile.values)
        value = static_cast<int32_t>(npu::saturate(cvt(value), -high - 1, high));
}

}  // namespace rosenblatt::emulator
