// SPDX-License-Identifier: MIT
// CORE block: registers, window addressing, direct and depthwise int8 sums.
#include "emulator/core_block.hpp"

#include <algorithm>
#include <string>

namespace rosenblatt::emulator {

using npu::Block;
namespace core = npu::core;

Check decode_core(const RegisterFile& registers, const TaskContext& context, const CnaTask& cna,
                  CoreTask& task) {
    const auto misc = registers.get<core::MISC_CFG>();
    const auto size = registers.get<core::DATAOUT_SIZE_0>();
    const auto clip = registers.get<core::CLIP_TRUNCATE>();
    task.width = size.width;
    task.height = size.height;
    task.channels = registers.get<core::DATAOUT_SIZE_1>().channel;
    task.sum_inputs = misc.qd_en;
    task.truncate = clip.truncate;
    task.truncate_rounding = clip.round_type || context.switches.truncate_half_up
                                 ? npu::Rounding::HalfUp
                                 : npu::Rounding::HalfEven;
    if (misc.proc_precision != npu::Precision::Int8)
        return make_fault(FaultKind::GeometryMismatch, Block::Core,
                          "MISC_CFG and CONV_CON1 name different precisions");
    if (misc.dw_en != cna.depthwise)
        return make_fault(FaultKind::GeometryMismatch, Block::Core,
                          "MISC_CFG.DW_EN and CONV_CON1.CONV_MODE disagree");
    if (task.width != cna.out_width || uint64_t{task.width} * task.height != cna.out_pixels)
        return make_fault(FaultKind::GeometryMismatch, Block::Core,
                          "CORE expects " + std::to_string(task.width) + " x " +
                              std::to_string(task.height) + " pixels, the CNA sends " +
                              std::to_string(cna.out_pixels) + " in lines of " +
                              std::to_string(cna.out_width));
    return std::nullopt;
}

MacArray::MacArray(const CnaTask& cna, const CoreTask& core, const FeatureDma& features,
                   const Switches& switches)
    : cna_(cna),
      core_(core),
      features_(features),
      switches_(switches),
      mac_(switches.fast ? mac_int8_variants().front() : mac_int8_variants().back()),
      pad_pixel_(cna.pixel_bytes()) {
    for (uint32_t c = 0; c < cna.channels; ++c) {
        pad_pixel_[c] = pad(c);
        pad_sum_ += pad_pixel_[c];
    }
}

int8_t MacArray::pad(uint32_t channel) const {
    // Normal convolutions pad with the low byte; depthwise ones with a pair of bytes, even channels
    // the low one (mesa-oracle.md 4, from the layers known to fail on boards).
    const bool odd = cna_.depthwise && switches_.depthwise_pad_pair && channel % 2 == 1;
    return static_cast<int8_t>(cna_.pad_value >> (odd ? 8 : 0));
}

uint32_t MacArray::group_channels() const {
    return cna_.depthwise ? npu::depthwise_group(cna_.element)
                          : npu::mac_array(cna_.element).kernels;
}

void MacArray::load(uint32_t first_channel, uint32_t kernels, std::span<const std::byte> weights) {
    first_channel_ = first_channel;
    group_kernels_ = kernels;
    weights_ = weights;
    if (cna_.depthwise) return;
    const size_t quads = cna_.pixel_bytes() / 4;
    kernels_.resize(mac_.packed_bytes(cna_.taps(), quads));
    mac_.pack(weights.data(), kernels, cna_.channels, cna_.taps(), quads, kernels_.data());
}

void MacArray::multiply(SumTile& tile) {
    tile.values.resize(size_t{tile.pixels} * tile.channels);
    if (cna_.depthwise)
        depthwise(tile);
    else
        direct(tile);
    if (!core_.sum_inputs) tile.window_sums.clear();
}

MacArray::Position MacArray::position(uint32_t pixel, uint32_t tap) const {
    const uint32_t y = pixel / core_.width;
    const uint32_t x = pixel % core_.width;
    const uint32_t ky = tap / cna_.kernel_width;
    const uint32_t kx = tap % cna_.kernel_width;
    return {int64_t{y} * cna_.stride_y + int64_t{ky} * cna_.dilation_y - cna_.pad_top,
            int64_t{x} * cna_.stride_x + int64_t{kx} * cna_.dilation_x - cna_.pad_left};
}

bool MacArray::inside(Position at) const {
    return at.y >= 0 && at.y < cna_.height && at.x >= 0 && at.x < cna_.width;
}

void MacArray::gather_windows(const SumTile& tile) {
    if (gathered_first_ == tile.first_pixel && gathered_pixels_ == tile.pixels) return;
    gathered_first_ = tile.first_pixel;
    gathered_pixels_ = tile.pixels;
    const uint32_t taps = cna_.taps();
    windows_.resize(size_t{tile.pixels} * taps);
    window_sums_.assign(tile.pixels, 0);
    for (uint32_t p = 0; p < tile.pixels; ++p) {
        for (uint32_t tap = 0; tap < taps; ++tap) {
            const Position at = position(tile.first_pixel + p, tap);
            const int8_t*& window = windows_[size_t{p} * taps + tap];
            if (inside(at)) {
                const auto y = static_cast<uint32_t>(at.y);
                const auto x = static_cast<uint32_t>(at.x);
                window = reinterpret_cast<const int8_t*>(features_.pixel(y, x));
                window_sums_[p] += features_.sums(y)[x];
            } else {
                window = pad_pixel_.data();
                window_sums_[p] += pad_sum_;
            }
        }
    }
}

void MacArray::direct(SumTile& tile) {
    gather_windows(tile);
    const bool whole = tile.channels == k_group_kernels;
    std::vector<int32_t> all;
    if (!whole) all.resize(size_t{tile.pixels} * k_group_kernels);
    mac_.multiply({.windows = windows_.data(),
                   .window_sums = window_sums_.data(),
                   .kernels = kernels_.data(),
                   .taps = cna_.taps(),
                   .quads = cna_.pixel_bytes() / 4,
                   .pixels = tile.pixels,
                   .sums = whole ? tile.values.data() : all.data()});
    for (uint32_t p = 0; !whole && p < tile.pixels; ++p)
        std::copy_n(all.begin() + static_cast<ptrdiff_t>(size_t{p} * k_group_kernels),
                    tile.channels,
                    tile.values.begin() + static_cast<ptrdiff_t>(size_t{p} * tile.channels));
    tile.sums_per_channel = false;
    tile.window_sums = window_sums_;
}

void MacArray::depthwise(SumTile& tile) const {
    std::fill(tile.values.begin(), tile.values.end(), 0);
    tile.window_sums.assign(tile.values.size(), 0);
    tile.sums_per_channel = true;
    const uint32_t channels = std::min(tile.channels, group_kernels_);
    const auto* weights = reinterpret_cast<const int8_t*>(weights_.data());
    for (uint32_t p = 0; p < tile.pixels; ++p) {
        int32_t* values = tile.values.data() + size_t{p} * tile.channels;
        int32_t* sums = tile.window_sums.data() + size_t{p} * tile.channels;
        for (uint32_t tap = 0; tap < cna_.taps(); ++tap) {
            const Position at = position(tile.first_pixel + p, tap);
            const int8_t* pixel = pad_pixel_.data();
            if (inside(at))
                pixel = reinterpret_cast<const int8_t*>(
                    features_.pixel(static_cast<uint32_t>(at.y), static_cast<uint32_t>(at.x)));
            pixel += first_channel_;
            const int8_t* tap_weights = weights + size_t{tap} * group_kernels_;
            for (uint32_t c = 0; c < channels; ++c) {
                values[c] += pixel[c] * tap_weights[c];
                sums[c] += pixel[c];
            }
        }
    }
}

}  // namespace rosenblatt::emulator
