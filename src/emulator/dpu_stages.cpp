// SPDX-License-Identifier: MIT
// DPU: the order of the stages.
#include <algorithm>

#include "emulator/core_block.hpp"
#include "emulator/dpu.hpp"

namespace rosenblatt::emulator {

Dpu::Dpu(const DpuTask& task, const CoreTask* core, const RdmaTask& rdma, const Lut& lut,
         const TaskContext& context)
    : task_(task), core_(core), rdma_(rdma), lut_(lut), context_(context), reader_(rdma, context) {}

Check Dpu::process(SumTile& tile) {
    if (tile.real) {
        stage_real(tile, task_.bs, rdma_.bs);
        stage_real(tile, task_.bn, rdma_.bn);
    } else {
        const bool first = context_.switches.truncate_before_cpend;
        if (first) truncate(tile);
        add_correction(tile);
        if (!first) truncate(tile);
        stage_integer(tile, task_.bs, rdma_.bs);
        stage_integer(tile, task_.bn, rdma_.bn);
    }
    if (Check fault = elementwise(tile)) return fault;
    if (tile.real)
        convert_real(tile);
    else
        convert_integer(tile);
    pad_channels(tile);
    return write(tile);
}

Check Dpu::elementwise(SumTile& tile) {
    const ElementwiseTask& ew = task_.ew;
    if (ew.bypass) return std::nullopt;
    if (!ew.op_bypass && ew.from_memory) {
        if (Check fault = reader_.read_operands(tile, ew.format, int_operands_, real_operands_))
            return fault;
    } else if (!ew.op_bypass) {
        int_operands_.assign(tile.real ? 0 : tile.size(), 0);
        real_operands_.assign(tile.real ? tile.size() : 0, 0.0F);
        for (size_t i = 0; i < tile.size(); ++i) {
            const uint32_t value = ew.values[(tile.first_channel + i % tile.channels) % 8];
            if (tile.real)
                real_operands_[i] = std::bit_cast<float>(value);
            else
                int_operands_[i] = static_cast<int32_t>(value);
        }
    }
    if (tile.real)
        elementwise_real(tile);
    else
        elementwise_integer(tile);
    return std::nullopt;
}

/// TRM: OFFSET_PEND is the value for padding channels, those past ORIG_CHANNEL.
void Dpu::pad_channels(SumTile& tile) const {
    if (!context_.switches.pad_channels_offset_pend) return;
    const uint32_t end = tile.first_channel + tile.channels;
    if (end <= task_.original_channels) return;
    const uint32_t first =
        std::max(task_.original_channels, tile.first_channel) - tile.first_channel;
    for (uint32_t p = 0; p < tile.pixels; ++p)
        for (uint32_t c = first; c < tile.channels; ++c) {
            if (tile.real)
                tile.real_value(p, c) = static_cast<float>(task_.offset_pend);
            else
                tile.value(p, c) = task_.offset_pend;
        }
}

}  // namespace rosenblatt::emulator
