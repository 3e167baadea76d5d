// SPDX-License-Identifier: MIT
// DPU: the stages on integers. Between stages values are 32 bits wide and saturate.
#include <algorithm>

#include "emulator/dpu.hpp"

namespace rosenblatt::emulator {
namespace {

int32_t alu(npu::AluAlgo algo, int32_t value, int32_t operand) {
    const int64_t a = value;
    const int64_t b = operand;
    switch (algo) {
        case npu::AluAlgo::Max:
            return std::max(value, operand);
        case npu::AluAlgo::Min:
            return std::min(value, operand);
        case npu::AluAlgo::Add:
            return npu::saturate_to<int32_t>(a + b);
        case npu::AluAlgo::Div:
            return b == 0 ? value : npu::saturate_to<int32_t>(a / b);
        case npu::AluAlgo::Minus:
            return npu::saturate_to<int32_t>(a - b);
        case npu::AluAlgo::Abs:
            return npu::saturate_to<int32_t>(a < 0 ? -a : a);
        case npu::AluAlgo::Neg:
            return npu::saturate_to<int32_t>(-a);
        default:
            return value;  // floor and ceil of an integer
    }
}

int32_t multiply(const StageTask& stage, int32_t value, int32_t operand) {
    if (value >= 0 && stage.prelu) return value;
    const uint32_t shift = value < 0 ? stage.shift_negative : stage.shift;
    return npu::saturate_to<int32_t>(
        npu::round_shift(int64_t{value} * operand, shift, npu::Rounding::HalfEven));
}

int32_t rectify(const StageTask& stage, int32_t value) {
    if (stage.relu_bypass) return value;
    const int32_t positive = std::max(value, 0);
    return stage.relux ? std::min(positive, static_cast<int32_t>(stage.relux_limit)) : positive;
}

/// The channel's operand, or the register's when memory has none.
int32_t operand_of(const std::vector<int32_t>& memory, bool from_memory, uint32_t channel,
                   uint32_t value) {
    return from_memory && channel < memory.size() ? memory[channel] : static_cast<int32_t>(value);
}

}  // namespace

Dpu::Dpu(const DpuTask& task, const CoreTask& core, const RdmaOperands& operands,
         const TaskContext& context)
    : task_(task), core_(core), operands_(operands), context_(context) {}

Check Dpu::process(SumTile& tile) {
    if (context_.switches.truncate_before_cpend) truncate(tile);
    add_correction(tile);
    if (!context_.switches.truncate_before_cpend) truncate(tile);
    stage(tile, task_.bs, operands_.bs);
    stage(tile, task_.bn, operands_.bn);
    convert(tile);
    pad_channels(tile);
    return write(tile);
}

void Dpu::add_correction(SumTile& tile) const {
    if (!task_.cpend || tile.window_sums.empty()) return;
    if (task_.ow_operand == 0 && !task_.cpend_from_memory) return;
    const auto operand = [&](uint32_t c) {
        return operand_of(operands_.bs.cpend, task_.cpend_from_memory, tile.first_channel + c,
                          static_cast<uint32_t>(task_.ow_operand));
    };
    for (uint32_t p = 0; p < tile.pixels; ++p) {
        int32_t* values = tile.values.data() + size_t{p} * tile.channels;
        for (uint32_t c = 0; c < tile.channels; ++c) {
            const int64_t sum = tile.sums_per_channel
                                    ? tile.window_sums[size_t{p} * tile.channels + c]
                                    : tile.window_sums[p];
            values[c] = npu::saturate_to<int32_t>(values[c] + sum * operand(c));
        }
    }
}

void Dpu::truncate(SumTile& tile) const {
    if (core_.truncate == 0) return;
    for (int32_t& value : tile.values)
        value =
            static_cast<int32_t>(npu::round_shift(value, core_.truncate, core_.truncate_rounding));
}

void Dpu::stage(SumTile& tile, const StageTask& stage, const ChannelOperands& operands) const {
    if (stage.bypass) return;
    for (uint32_t c = 0; c < tile.channels; ++c) {
        const uint32_t channel = tile.first_channel + c;
        const int32_t addend =
            operand_of(operands.alu, stage.alu_from_memory, channel, stage.alu_operand);
        const int32_t factor =
            operand_of(operands.mul, stage.mul_from_memory, channel, stage.mul_operand);
        for (size_t i = c; i < tile.values.size(); i += tile.channels) {
            int32_t value = tile.values[i];
            if (!stage.alu_bypass) value = alu(stage.algo, value, addend);
            if (!stage.mul_bypass) value = multiply(stage, value, factor);
            tile.values[i] = rectify(stage, value);
        }
    }
}

void Dpu::convert(SumTile& tile) const {
    const npu::Requantise& cvt = task_.convert;
    const bool neutral = cvt.scale == 1 && cvt.shift == 0 && cvt.offset == 0;
    if (neutral && task_.out == npu::Element::Int32) return;
    const unsigned bits = npu::bits_of(task_.out);
    const int64_t high = (int64_t{1} << (bits - 1)) - 1;
    for (int32_t& value : tile.values)
        value = static_cast<int32_t>(npu::saturate(cvt(value), -high - 1, high));
}

void Dpu::pad_channels(SumTile& tile) const {
    if (!context_.switches.pad_channels_offset_pend) return;
    const uint32_t end = tile.first_channel + tile.channels;
    if (end <= task_.original_channels) return;
    const uint32_t first =
        std::max(task_.original_channels, tile.first_channel) - tile.first_channel;
    for (uint32_t p = 0; p < tile.pixels; ++p)
        std::fill_n(tile.values.begin() + static_cast<ptrdiff_t>(size_t{p} * tile.channels + first),
                    tile.channels - first, task_.offset_pend);
}

}  // namespace rosenblatt::emulator
