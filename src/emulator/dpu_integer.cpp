// SPDX-License-Identifier: MIT
// DPU: the stages on integers. Between stages values are 32 bits wide and saturate.
#include <algorithm>

#include "emulator/core_block.hpp"
#include "emulator/dpu.hpp"
#include "emulator/dpu_loops.hpp"

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

int32_t stage_value(const StageTask& stage, int64_t value, int32_t addend, int16_t factor) {
    const auto multiplied = [&](int64_t x) {
        return stage.mul_bypass
                   ? x
                   : multiply(x, factor, stage.prelu, stage.shift, stage.shift_negative);
    };
    if (stage.multiply_first) value = multiplied(value);
    if (!stage.alu_bypass) value = alu(stage.algo, value, addend);
    if (!stage.multiply_first) value = multiplied(value);
    return rectify(value, stage.relu_bypass, stage.relux, stage.relux_limit);
}

/// The channel's operand from memory; the register's where memory has none.
template <typename T>
T operand_of(const std::vector<T>& memory, bool from_memory, uint32_t channel, T value) {
    return from_memory && channel < memory.size() ? memory[channel] : value;
}

}  // namespace

void Dpu::add_correction(SumTile& tile) const {
    if (!task_.corrects() || tile.window_sums.empty()) return;
    std::vector<int32_t> operands(tile.channels);
    for (uint32_t c = 0; c < tile.channels; ++c)
        operands[c] = static_cast<int16_t>(operand_of(rdma_.bs.cpend, task_.cpend_from_memory,
                                                      tile.first_channel + c,
                                                      static_cast<uint16_t>(task_.ow_operand)));
    if (context_.switches.fast)
        return add_products({tile.values.data(), tile.pixels, tile.channels},
                            tile.window_sums.data(), tile.sums_per_channel, operands.data(),
                            context_.switches.simd);
    const int32_t* sums = tile.window_sums.data();
    int32_t* values = tile.values.data();
    for (uint32_t p = 0; p < tile.pixels; ++p, values += tile.channels) {
        for (uint32_t c = 0; c < tile.channels; ++c)
            values[c] = npu::saturate_to<int32_t>(
                values[c] + int64_t{sums[tile.sums_per_channel ? c : 0]} * operands[c]);
        sums += tile.sums_per_channel ? tile.channels : 1;
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
    std::vector<int32_t> addends(tile.channels);
    std::vector<int16_t> factors(tile.channels);
    for (uint32_t c = 0; c < tile.channels; ++c) {
        const uint32_t channel = tile.first_channel + c;
        addends[c] = static_cast<int32_t>(
            operand_of(memory.alu, stage.alu_from_memory, channel, stage.alu_operand));
        factors[c] = static_cast<int16_t>(
            operand_of(memory.mul, stage.mul_from_memory, channel, stage.mul_operand));
    }
    const bool only_adds = !stage.alu_bypass && stage.algo == npu::AluAlgo::Add &&
                           stage.mul_bypass && stage.relu_bypass;
    if (only_adds && context_.switches.fast)
        return add_per_channel({tile.values.data(), tile.pixels, tile.channels}, addends.data(),
                               context_.switches.simd);
    int32_t* values = tile.values.data();
    for (uint32_t p = 0; p < tile.pixels; ++p, values += tile.channels)
        for (uint32_t c = 0; c < tile.channels; ++c)
            values[c] = stage_value(stage, values[c], addends[c], factors[c]);
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
    if (context_.switches.fast && !cvt.add_first && cvt.shift > 0 && cvt.shift < 48 &&
        cvt.rounding == npu::Rounding::HalfEven)
        return convert_half_even(tile.values, cvt, -high - 1, high, context_.switches.simd);
    for (int32_t& value : tile.values)
        value = static_cast<int32_t>(npu::saturate(cvt(value), -high - 1, high));
}

}  // namespace rosenblatt::emulator
