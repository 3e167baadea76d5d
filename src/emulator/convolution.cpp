// SPDX-License-Identifier: MIT
// A convolution task: slabs of output lines whose input lines fit the CBUF, and within a slab one
// kernel group after the other, in tiles of pixels that stay in the host's caches.
#include "emulator/convolution.hpp"

#include <algorithm>
#include <string>

#include "emulator/core_block.hpp"
#include "emulator/dpu.hpp"
#include "emulator/flying.hpp"

namespace rosenblatt::emulator {
namespace {

using npu::Block;

constexpr uint32_t k_tile_pixels = 192;
constexpr uint32_t k_tile_windows = 16384;  ///< pixels * taps of one tile, at most

class Convolution {
  public:
    Convolution(const TaskContext& context, Cbuf& cbuf) : context_(context), cbuf_(cbuf) {}

    Check decode(const ConvolutionBlocks& blocks);
    Check run();

  private:
    Check check_output() const;
    Check check_work();
    uint32_t last_row(uint32_t out_row) const;
    uint32_t slab_end(uint32_t first_row, uint64_t capacity) const;
    Check run_slab(MacArray& array, WeightDma& weights, Dpu& dpu, uint32_t first_row,
                   uint32_t end_row);
    Check load_group(WeightDma& weights, MacArray& array, uint32_t first_channel);

    const TaskContext& context_;
    Cbuf& cbuf_;
    CnaTask cna_;
    CoreTask core_;
    DpuTask dpu_;
    RdmaTask rdma_;
    Lut lut_;
};

Check Convolution::decode(const ConvolutionBlocks& blocks) {
    if (Check fault = decode_cna(blocks.cna, context_, cna_)) return fault;
    if (Check fault = decode_core(blocks.core, context_, cna_, core_)) return fault;
    if (Check fault = decode_dpu(blocks.dpu, context_, dpu_)) return fault;
    if (Check fault = check_output()) return fault;
    if (Check fault = check_work()) return fault;
    core_.sum_inputs &= dpu_.corrects();
    if (Check fault = decode_rdma(blocks.rdma, context_, rdma_)) return fault;
    if (!dpu_.ew.bypass && !dpu_.ew.lut_bypass)
        lut_ = Lut(blocks.dpu, blocks.lut, context_.switches.lut_rounds);
    return check_operands(dpu_, rdma_, context_);
}

Check Convolution::check_output() const {
    if (dpu_.flying)
        return make_fault(FaultKind::BlockWaits, Block::Dpu,
                          "the DPU is in flying mode: it does not take CORE's results");
    if (dpu_.real != npu::is_float(cna_.element))
        return make_fault(FaultKind::Unsupported, Block::Dpu,
                          "the DPU's processing precision does not fit CORE's");
    if (core_.width != dpu_.width || core_.height != dpu_.height || core_.channels != dpu_.channels)
        return make_fault(FaultKind::GeometryMismatch, Block::Dpu,
                          "the DPU expects " + std::to_string(dpu_.width) + " x " +
                              std::to_string(dpu_.height) + " x " + std::to_string(dpu_.channels) +
                              ", CORE makes " + std::to_string(core_.width) + " x " +
                              std::to_string(core_.height) + " x " +
                              std::to_string(core_.channels));
    return std::nullopt;
}

Check Convolution::check_work() {
    const npu::MacArray array = npu::mac_array(cna_.element);
    TaskWork& work = context_.work;
    work.rows = uint64_t{core_.width} * core_.height;
    work.tiles = uint64_t{cna_.taps()} * div_round_up(cna_.channels, array.channels);
    work.groups = div_round_up(core_.channels, array.kernels);
    if (cna_.depthwise) {  // every channel once: a group of kernels covers its own channels only
        work.tiles = cna_.taps();
        work.groups = div_round_up(core_.channels, npu::depthwise_group(cna_.element));
    }
    work.weight_capacity = uint64_t{cna_.weight_banks} * npu::k_cbuf_bank_bytes;
    work.feature_run = cna_.strides.run_bytes(
        cna_.height, div_round_up(cna_.channels, npu::atom_elements(cna_.element)));
    work.row_major_features = cna_.strides.group_line_off && cna_.width == 1;
    work.row_major_output = dpu_.strides.surface_stride == 1 && dpu_.channels > 16;
    // Up to 2^70: compare as a double first.
    const double estimate = static_cast<double>(work.rows) * static_cast<double>(work.tiles) *
                            static_cast<double>(work.groups) * array.channels * array.kernels;
    if (estimate > static_cast<double>(context_.work_left))
        return make_fault(FaultKind::WorkLimit, Block::Core,
                          "the task is more work than any watchdog lets pass");
    const uint64_t macs = work.mac_cycles() * array.channels * array.kernels;
    context_.work_left -= macs;
    return std::nullopt;
}

/// One past the last input row that output row `out_row` needs.
uint32_t Convolution::last_row(uint32_t out_row) const {
    const int64_t last = int64_t{out_row} * cna_.stride_y - cna_.pad_top +
                         int64_t{cna_.kernel_height - 1} * cna_.dilation_y;
    return static_cast<uint32_t>(std::clamp<int64_t>(last + 1, 0, cna_.height));
}

/// The first output row whose input rows no longer fit beside those of `first_row`.
uint32_t Convolution::slab_end(uint32_t first_row, uint64_t capacity) const {
    if (capacity >= cna_.height) return core_.height;
    const int64_t top = std::max<int64_t>(0, int64_t{first_row} * cna_.stride_y - cna_.pad_top);
    uint32_t end = first_row + 1;
    while (end < core_.height && int64_t{last_row(end)} - top <= static_cast<int64_t>(capacity))
        ++end;
    return end;
}

Check Convolution::run() {
    cbuf_.split(cna_.data_banks, cna_.weight_banks);
    FeatureDma features(cna_, cbuf_, context_,
                        MacArray::wants_sums(cna_, core_, context_.switches));
    WeightDma weights(cna_, cbuf_, context_);
    MacArray array(cna_, core_, features, context_.switches);
    Dpu dpu(dpu_, &core_, rdma_, lut_, context_);
    const bool whole = features.capacity() >= cna_.height;
    for (uint32_t row = 0; row < core_.height;) {
        const uint32_t end = slab_end(row, features.capacity());
        if (Check fault = features.fetch(whole ? cna_.height : last_row(end - 1))) return fault;
        array.start_slab();
        if (Check fault = run_slab(array, weights, dpu, row, end)) return fault;
        row = end;
    }
    return weights.finish();
}

Check Convolution::run_slab(MacArray& array, WeightDma& weights, Dpu& dpu, uint32_t first_row,
                            uint32_t end_row) {
    const uint32_t step = std::clamp(k_tile_windows / cna_.taps(), 1U, k_tile_pixels);
    const uint32_t end = end_row * core_.width;
    SumTile tile;
    for (uint32_t channel = 0; channel < core_.channels; channel += array.group_channels()) {
        if (Check fault = load_group(weights, array, channel)) return fault;
        tile.first_channel = channel;
        tile.channels = std::min(array.group_channels(), core_.channels - channel);
        for (uint32_t pixel = first_row * core_.width; pixel < end; pixel += step) {
            tile.first_pixel = pixel;
            tile.pixels = std::min(step, end - pixel);
            array.multiply(tile);
            if (Check fault = dpu.process(tile)) return fault;
        }
    }
    return std::nullopt;
}

Check Convolution::load_group(WeightDma& weights, MacArray& array, uint32_t first_channel) {
    std::span<const std::byte> bytes;
    if (cna_.depthwise) {
        if (Check fault = weights.group(0, 1, bytes)) return fault;
        const uint32_t channels =
            first_channel < cna_.channels
                ? std::min(array.group_channels(), cna_.channels - first_channel)
                : 0;
        const uint64_t before = npu::bytes_of(cna_.element, uint64_t{first_channel} * cna_.taps());
        array.load(first_channel, channels,
                   channels == 0 ? bytes.first(0) : bytes.subspan(static_cast<size_t>(before)));
        return std::nullopt;
    }
    const uint32_t kernels = first_channel < cna_.kernels
                                 ? std::min(array.group_channels(), cna_.kernels - first_channel)
                                 : 0;
    if (kernels > 0)
        if (Check fault = weights.group(first_channel, kernels, bytes)) return fault;
    array.load(first_channel, kernels, bytes);
    return std::nullopt;
}

}  // namespace

Check run_convolution(const TaskContext& context, Cbuf& cbuf, const ConvolutionBlocks& blocks) {
    Convolution convolution(context, cbuf);
    if (Check fault = convolution.decode(blocks)) return fault;
    return convolution.run();
}

}  // namespace rosenblatt::emulator
