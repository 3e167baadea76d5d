// SPDX-License-Identifier: MIT
// CORE block: registers, windows of the feature map, the choice of path, fast int8 paths.
#include "emulator/core_block.hpp"

#include <algorithm>
#include <string>

#include "emulator/mac_depthwise.hpp"
#include "emulator/mac_int4.hpp"

namespace rosenblatt::emulator {

using npu::Block;
using npu::Element;
namespace core = npu::core;

namespace {

npu::Precision precision_of(Element element) {
    switch (element) {
        case Element::Int4:
            return npu::Precision::Int4;
        case Element::Fp16:
            return npu::Precision::Fp16;
        case Element::Bf16:
            return npu::Precision::Bf16;
        case Element::Tf32:
            return npu::Precision::Tf32;
        default:
            return npu::Precision::Int8;
    }
}

Fault mismatch(std::string sentence) {
    return make_fault(FaultKind::GeometryMismatch, Block::Core, std::move(sentence));
}

}  // namespace

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
    if (misc.proc_precision != precision_of(cna.element))
        return mismatch("MISC_CFG and CONV_CON1 name different precisions");
    if (misc.dw_en != cna.depthwise)
        return mismatch("MISC_CFG.DW_EN and CONV_CON1.CONV_MODE disagree");
    if (task.width != cna.out_width || uint64_t{task.width} * task.height != cna.out_pixels)
        return mismatch("CORE expects " + std::to_string(task.width) + " x " +
                        std::to_string(task.height) + " pixels, the CNA sends " +
                        std::to_string(cna.out_pixels) + " in lines of " +
                        std::to_string(cna.out_width));
    return std::nullopt;
}

MacArray::Path MacArray::choose(const CnaTask& cna, const Switches& switches) {
    if (!switches.fast) return Path::Plain;
    if (npu::is_float(cna.element)) return cna.depthwise ? Path::Plain : Path::DirectReal;
    if (cna.depthwise) return cna.element == Element::Int8 ? Path::DepthwiseInt8 : Path::Plain;
    if (cna.element == Element::Int4 && cna.channels % 2 != 0) return Path::Plain;
    // Reused features may have garbage where whole atoms end behind the last channel.
    const bool whole = cna.channels % npu::atom_elements(cna.element) == 0;
    return cna.data_reuse && !whole ? Path::Plain : Path::DirectInteger;
}

bool MacArray::wants_sums(const CnaTask& cna, const CoreTask& core, const Switches& switches) {
    return choose(cna, switches) == Path::DirectInteger &&
           (core.sum_inputs || mac_int8(switches.simd).offsets);
}

MacArray::MacArray(const CnaTask& cna, const CoreTask& core_task, const FeatureDma& features,
                   const Switches& switches)
    : cna_(cna),
      core_(core_task),
      features_(features),
      path_(choose(cna, switches)),
      simd_(switches.simd),
      mac_(mac_int8(switches.simd)),
      plain_(cna),
      real_(cna, switches.simd) {
    fill_pad_pixel(switches);
    const bool int4 = cna.element == Element::Int4;
    pixel_channels_ = cna.pixel_bytes() * (int4 ? 2 : 1);
    if (path_ == Path::DirectInteger && (mac_.widens || int4)) {
        // An odd number of cache lines, so that the pixels of a tile spread over all cache sets.
        const size_t bytes = pixel_channels_ * (mac_.widens ? sizeof(int16_t) : 1);
        wide_pitch_ = (div_round_up<size_t>(bytes, 64) | 1) * 64;
        wide_.resize(features.capacity() * cna.width * wide_pitch_);
        wide_y_.assign(features.capacity(), ~0U);
        wide_pad_pixel_.resize(wide_pitch_);
        widen(pad_pixel_.data(), wide_pad_pixel_.data());
    }
    if (path_ != Path::DirectReal) return;
    const size_t pixels = features.capacity() * cna.width;
    wide_y_.assign(features.capacity(), ~0U);
    real_pixels_.resize(cna, pixels + 1);
    real_.widen(pad_pixel_.data(), pixels, 1, real_pixels_);
}

void MacArray::start_slab() {
    gathered_.clear();
    last_gathered_ = gathered_taps_ = 0;
}

/// Normal convolutions pad with the low element of PAD_CON1; depthwise ones of int8 with a pair of
/// bytes, even channels the low one (mesa-oracle.md 4, from the layers known to fail on boards).
void MacArray::fill_pad_pixel(const Switches& switches) {
    pad_pixel_.assign(cna_.pixel_bytes(), std::byte{0});
    const uint32_t value = cna_.pad_value;
    const uint32_t channels = cna_.image_channels > 0 ? cna_.image_channels : cna_.channels;
    const size_t used = static_cast<size_t>(npu::bytes_of(cna_.element, channels));
    const bool pair = cna_.depthwise && switches.depthwise_pad_pair;
    for (size_t i = 0; i < used; ++i) {
        switch (npu::bits_of(cna_.element)) {
            case 4:
                pad_pixel_[i] = static_cast<std::byte>((value & 15) * 17);
                break;
            case 8:
                pad_pixel_[i] = static_cast<std::byte>(value >> (pair && i % 2 == 1 ? 8 : 0));
                break;
            case 16:
                pad_pixel_[i] = static_cast<std::byte>(value >> (8 * (i % 2)));
                break;
            default:
                pad_pixel_[i] = static_cast<std::byte>(value >> (8 * (i % 4)));
                break;
        }
    }
    if (cna_.element == Element::Int4)
        pad_sum_ = static_cast<int32_t>(used) * 2 * sign_extend(value & 15, 4);
    else
        for (const std::byte byte : pad_pixel_) pad_sum_ += static_cast<int8_t>(byte);
}

uint32_t MacArray::group_channels() const {
    return cna_.depthwise ? npu::depthwise_group(cna_.element)
                          : npu::mac_array(cna_.element).kernels;
}

void MacArray::load(uint32_t first_channel, uint32_t kernels, std::span<const std::byte> weights) {
    first_channel_ = first_channel;
    group_kernels_ = kernels;
    weights_ = weights;
    if (path_ == Path::Plain) plain_.load(kernels, weights);
    if (path_ == Path::DirectReal) real_.load(kernels, weights);
    if (path_ != Path::DirectInteger) return;
    const size_t quads = pixel_channels_ / 4;
    const size_t size = mac_.packed_bytes(cna_.taps(), quads);
    if (cna_.element == Element::Int8) {
        packed_.resize(size);
        mac_.pack(weights.data(), kernels, cna_.channels, cna_.taps(), quads, packed_.data());
        return;
    }
    packed_.resize(2 * size);
    for (uint32_t half = 0; half < 2; ++half) {
        const uint32_t first = std::min<uint32_t>(half * k_group_kernels, kernels);
        const uint32_t count = std::min<uint32_t>(kernels - first, k_group_kernels);
        expanded_.resize(size_t{count} * cna_.channels * cna_.taps());
        expand_int4_kernels(weights.data(), kernels, first, count, cna_.channels, cna_.taps(),
                            expanded_.data());
        mac_.pack(expanded_.data(), count, cna_.channels, cna_.taps(), quads,
                  packed_.data() + half * size);
    }
}

void MacArray::multiply(SumTile& tile) {
    const Gathered& windows = gathered(tile);
    switch (path_) {
        case Path::Plain:
            plain_.multiply(windows.windows, tile);
            break;
        case Path::DirectInteger:
            direct_integer(windows, tile);
            break;
        case Path::DepthwiseInt8:
            depthwise_int8(windows, tile);
            break;
        case Path::DirectReal:
            real_.multiply(windows.taps, real_pixels_, tile);
            break;
    }
    if (!core_.sum_inputs || tile.real) tile.window_sums.clear();
}

/// Tiles come in the same order for every kernel group: the next one is nearly always the one
/// after the last. Beyond a few megabytes the last one is made anew each time.
const MacArray::Gathered& MacArray::gathered(const SumTile& tile) {
    constexpr size_t k_most_taps = 1 << 20;
    const auto is_this = [&](size_t i) {
        return i < gathered_.size() && gathered_[i].first == tile.first_pixel &&
               gathered_[i].pixels == tile.pixels;
    };
    for (const size_t i : {last_gathered_, last_gathered_ + 1, size_t{0}})
        if (is_this(i)) return gathered_[last_gathered_ = i];
    const size_t taps = size_t{tile.pixels} * cna_.taps();
    if (gathered_.empty() || gathered_taps_ + taps <= k_most_taps) {
        gathered_.emplace_back();
        gathered_taps_ += taps;
    }
    last_gathered_ = gathered_.size() - 1;
    gather(tile, gathered_.back());
    return gathered_.back();
}

void MacArray::gather(const SumTile& tile, Gathered& out) {
    out.first = tile.first_pixel;
    out.pixels = tile.pixels;
    out.windows.clear();
    out.taps.clear();
    out.sums.assign(tile.pixels, 0);
    const bool sums = path_ == Path::DirectInteger && (core_.sum_inputs || mac_.offsets);
    for (uint32_t p = 0; p < tile.pixels; ++p) {
        const uint32_t pixel = tile.first_pixel + p;
        const int64_t top = int64_t{pixel / core_.width} * cna_.stride_y - cna_.pad_top;
        const int64_t left = int64_t{pixel % core_.width} * cna_.stride_x - cna_.pad_left;
        for (uint32_t ky = 0; ky < cna_.kernel_height; ++ky) {
            const int64_t y = top + int64_t{ky} * cna_.dilation_y;
            for (uint32_t kx = 0; kx < cna_.kernel_width; ++kx) {
                const int64_t x = left + int64_t{kx} * cna_.dilation_x;
                if (y < 0 || y >= cna_.height || x < 0 || x >= cna_.width) {
                    gather_pad(out);
                    out.sums[p] += pad_sum_;
                    continue;
                }
                const auto row = static_cast<uint32_t>(y);
                const auto column = static_cast<uint32_t>(x);
                gather_pixel(row, column, out);
                if (sums) out.sums[p] += features_.sums(row)[column];
            }
        }
    }
}

void MacArray::gather_pad(Gathered& out) const {
    if (path_ == Path::DirectReal)
        out.taps.push_back(static_cast<uint32_t>(real_pixels_.pixels - 1));
    else if (!wide_pad_pixel_.empty())
        out.windows.push_back(wide_pad_pixel_.data());
    else
        out.windows.push_back(pad_pixel_.data());
}

void MacArray::gather_pixel(uint32_t y, uint32_t x, Gathered& out) {
    if (path_ == Path::DirectReal) {
        out.taps.push_back(real_row(y) + x);
    } else if (!wide_pad_pixel_.empty()) {
        out.windows.push_back(wide_row(y) + x * wide_pitch_);
    } else {
        out.windows.push_back(features_.pixel(y, x));
    }
}

/// One pixel as the multiplier wants it.
void MacArray::widen(const std::byte* pixel, std::byte* out) {
    const bool int4 = cna_.element == Element::Int4;
    if (int4 && !mac_.widens) return expand_int4(pixel, cna_.pixel_bytes(), out);
    if (int4) {
        expanded_.resize(pixel_channels_);
        expand_int4(pixel, cna_.pixel_bytes(), expanded_.data());
        pixel = expanded_.data();
    }
    mac_.widen(pixel, pixel_channels_, reinterpret_cast<int16_t*>(out));
}

const std::byte* MacArray::wide_row(uint32_t y) {
    const size_t slot = y % wide_y_.size();
    std::byte* row = wide_.data() + slot * cna_.width * wide_pitch_;
    if (wide_y_[slot] == y) return row;
    wide_y_[slot] = y;
    for (uint32_t x = 0; x < cna_.width; ++x) widen(features_.pixel(y, x), row + x * wide_pitch_);
    return row;
}

/// The first pixel of row y in real_pixels_.
uint32_t MacArray::real_row(uint32_t y) {
    const auto slot = static_cast<uint32_t>(y % wide_y_.size());
    if (wide_y_[slot] != y) {
        wide_y_[slot] = y;
        real_.widen(features_.pixel(y, 0), size_t{slot} * cna_.width, cna_.width, real_pixels_);
    }
    return slot * cna_.width;
}

/// Groups of 32 kernels; an int4 group is two of them.
void MacArray::direct_integer(const Gathered& gathered, SumTile& tile) {
    const size_t quads = pixel_channels_ / 4;
    const bool straight = tile.channels == k_group_kernels;
    tile.real = tile.sums_per_channel = false;
    tile.values.resize(tile.size());
    if (!straight) halves_.resize(size_t{tile.pixels} * k_group_kernels);
    for (uint32_t first = 0; first < tile.channels; first += k_group_kernels) {
        const size_t half = first / k_group_kernels;
        mac_.multiply({.windows = gathered.windows.data(),
                       .window_sums = gathered.sums.data(),
                       .kernels = packed_.data() + half * mac_.packed_bytes(cna_.taps(), quads),
                       .taps = cna_.taps(),
                       .quads = quads,
                       .pixels = tile.pixels,
                       .sums = straight ? tile.values.data() : halves_.data()});
        if (straight) break;
        // The last group may have fewer channels than the array has columns.
        const size_t count = std::min<size_t>(tile.channels - first, k_group_kernels);
        for (uint32_t p = 0; p < tile.pixels; ++p)
            std::copy_n(halves_.data() + size_t{p} * k_group_kernels, count,
                        tile.values.data() + size_t{p} * tile.channels + first);
    }
    if (core_.sum_inputs) tile.window_sums = gathered.sums;
}

void MacArray::depthwise_int8(const Gathered& gathered, SumTile& tile) const {
    tile.clear(false, true);
    depthwise_int8_tile({.windows = gathered.windows.data(),
                         .taps = cna_.taps(),
                         .first_channel = first_channel_,
                         .weights = reinterpret_cast<const int8_t*>(weights_.data()),
                         .group = group_kernels_,
                         .channels = std::min(tile.channels, group_kernels_),
                         .stride = tile.channels,
                         .pixels = tile.pixels,
                         .values = tile.values.data(),
                         .sums = tile.window_sums.data()},
                        simd_);
}

}  // namespace rosenblatt::emulator
