// SPDX-License-Identifier: MIT
// CNA: the feature and weight DMA engines.
#include <algorithm>
#include <cstring>
#include <limits>

#include "emulator/cna.hpp"

namespace rosenblatt::emulator {

using npu::Block;
using npu::k_atom_bytes;

// ---- features ----

FeatureDma::FeatureDma(const CnaTask& task, Cbuf& cbuf, const TaskContext& context, bool sums)
    : task_(task),
      cbuf_(cbuf),
      context_(context),
      pixel_bytes_(task.pixel_bytes()),
      row_bytes_(task.row_bytes()),
      capacity_(std::min<uint64_t>(cbuf.data_rows(row_bytes_), task.height)),
      wants_sums_(sums) {
    if (sums) sums_.resize(capacity_ * task.width);
    if (!task.data_reuse && task.image_channels == 0) view_ = view_all();
}

/// Registers are 32 bits wide, and so are the sums of the address generator.
uint32_t FeatureDma::atom_address(uint32_t surface, uint32_t y) const {
    return task_.feature_address +
           static_cast<uint32_t>(task_.strides.atom(surface, y, 0) * int64_t{k_atom_bytes});
}

/// When the whole cube, holes between lines included, is one piece of host memory, no bus access
/// per line is needed. Strides may be negative: take the least and the greatest atom of the
/// corners.
const std::byte* FeatureDma::view_all() const {
    int64_t low = std::numeric_limits<int64_t>::max();
    int64_t high = std::numeric_limits<int64_t>::min();
    const uint32_t last = task_.height - 1;
    for (const uint32_t surface : {0U, task_.surfaces() - 1})
        for (const uint32_t y :
             {0U, last & ~3U, last, std::min(last, 3U), last < 4 ? 0 : (last & ~3U) - 1}) {
            const int64_t atom = task_.strides.atom(surface, y, 0);
            low = std::min(low, atom);
            high = std::max(high, atom + task_.width);
        }
    const int64_t base = task_.feature_address;
    const int64_t start = base + low * k_atom_bytes;
    const int64_t end = base + high * k_atom_bytes;
    if (start < 0 || end > int64_t{1} << 32) return nullptr;
    const std::byte* view = context_.bus.view(context_.dma_base + static_cast<uint64_t>(start),
                                              static_cast<size_t>(end - start));
    return view == nullptr ? nullptr : view - low * k_atom_bytes;
}

Check FeatureDma::fetch(uint32_t end) {
    end = std::min(end, task_.height);
    for (; fetched_ < end; ++fetched_) {
        if (!task_.data_reuse) {
            Check fault =
                task_.image_channels > 0 ? fetch_image_row(fetched_) : fetch_row(fetched_);
            if (fault) return fault;
            if (task_.convert) convert_row(cbuf_.data_row(fetched_, row_bytes_));
        }
        if (wants_sums_) sum_row(fetched_);
    }
    return std::nullopt;
}

Check FeatureDma::fetch_row(uint32_t y) {
    std::byte* row = cbuf_.data_row(y, row_bytes_);
    const uint32_t width = task_.width;
    const uint32_t line_bytes = width * k_atom_bytes;
    if (view_ == nullptr) line_.resize(line_bytes);
    for (uint32_t surface = 0; surface < task_.surfaces(); ++surface) {
        const std::byte* line = line_.data();
        if (view_ != nullptr) {
            line = view_ + task_.strides.atom(surface, y, 0) * int64_t{k_atom_bytes};
        } else if (const auto fault =
                       context_.bus.read(context_.address(atom_address(surface, y)), line_)) {
            return read_fault(Block::Cna, *fault, "features");
        }
        std::byte* out = row + surface * k_atom_bytes;
        for (uint32_t x = 0; x < width; ++x)
            std::memcpy(out + size_t{x} * pixel_bytes_, line + x * k_atom_bytes, k_atom_bytes);
    }
    context_.work.feature_bytes += uint64_t{line_bytes} * task_.surfaces();
    // Channels past the last are not multiplied: nothing of them may reach a sum.
    const auto used = static_cast<size_t>(npu::bytes_of(task_.element, task_.channels));
    if (used < pixel_bytes_)
        for (uint32_t x = 0; x < width; ++x)
            std::memset(row + size_t{x} * pixel_bytes_ + used, 0, pixel_bytes_ - used);
    return std::nullopt;
}

/// Image pixels are packed, one byte per channel; LINE_STRIDE is then in bytes (mesa-oracle.md 4),
/// or in atoms, as Mesa's source could be read.
Check FeatureDma::fetch_image_row(uint32_t y) {
    std::byte* row = cbuf_.data_row(y, row_bytes_);
    const uint32_t channels = task_.image_channels;
    line_.resize(size_t{task_.width} * channels);
    const uint32_t unit = context_.switches.image_line_stride_atoms ? k_atom_bytes : 1;
    const uint32_t address = task_.feature_address + y * task_.strides.line_stride * unit;
    if (const auto fault = context_.bus.read(context_.address(address), line_))
        return read_fault(Block::Cna, *fault, "image features");
    context_.work.feature_bytes += line_.size();
    std::memset(row, 0, size_t{task_.width} * pixel_bytes_);
    for (uint32_t x = 0; x < task_.width; ++x)
        std::memcpy(row + size_t{x} * pixel_bytes_, line_.data() + size_t{x} * channels, channels);
    return std::nullopt;
}

void FeatureDma::convert_row(std::byte* row) const {
    const uint32_t channels = task_.image_channels > 0 ? task_.image_channels : task_.channels;
    for (uint32_t x = 0; x < task_.width; ++x, row += pixel_bytes_)
        for (uint32_t c = 0; c < channels; ++c) {
            const auto raw = static_cast<uint8_t>(row[c]);
            const int32_t value = task_.convert_signed ? static_cast<int8_t>(raw) : raw;
            row[c] =
                static_cast<std::byte>(npu::saturate_to<int8_t>(task_.converters[c % 4](value)));
        }
}

/// Eight bytes at a time: made unsigned by flipping sign bits, which adds 128 to each int8 and 8 to
/// each int4; pairs and then fours added in place.
void FeatureDma::sum_row(uint32_t y) {
    int32_t* sums = sums_.data() + y % capacity_ * task_.width;
    const std::byte* row = cbuf_.data_row(y, row_bytes_);
    const bool int4 = task_.element == npu::Element::Int4;
    constexpr uint64_t k_bytes = 0x00ff00ff00ff00ffULL;
    constexpr uint64_t k_words = 0x0000ffff0000ffffULL;
    constexpr uint64_t k_nibbles = 0x0f0f0f0f0f0f0f0fULL;
    const auto excess = static_cast<int32_t>(int4 ? pixel_bytes_ * 16 : pixel_bytes_ * 128);
    for (uint32_t x = 0; x < task_.width; ++x, row += pixel_bytes_) {
        uint64_t total = 0;
        for (uint32_t c = 0; c < pixel_bytes_; c += 8) {
            uint64_t eight;
            std::memcpy(&eight, row + c, sizeof eight);
            eight ^= int4 ? 0x8888888888888888ULL : 0x8080808080808080ULL;
            if (int4) eight = (eight & k_nibbles) + (eight >> 4 & k_nibbles);
            const uint64_t pairs = (eight & k_bytes) + (eight >> 8 & k_bytes);
            const uint64_t fours = (pairs & k_words) + (pairs >> 16 & k_words);
            total += (fours & 0xffffffff) + (fours >> 32);
        }
        sums[x] = static_cast<int32_t>(total) - excess;
    }
}

// ---- weights ----

WeightDma::WeightDma(const CnaTask& task, Cbuf& cbuf, const TaskContext& context)
    : task_(task), cbuf_(cbuf), context_(context), loaded_(task.weight_reuse) {
    if (task.compressed && !task.weight_reuse)
        decoder_.emplace(context.bus, context.address(task.weight_address), task.lane_blocks);
}

/// Weights as the multipliers want them, from `offset` on.
Check WeightDma::read(uint64_t offset, std::span<std::byte> bytes) {
    if (decoder_) return decoder_->read(offset, bytes);
    const auto start = static_cast<uint32_t>(task_.weight_address + offset);
    if (const auto fault = context_.bus.read(context_.address(start), bytes))
        return read_fault(Block::Cna, *fault, "weights");
    return std::nullopt;
}

Check WeightDma::load_all() {
    const auto all = cbuf_.weights().first(static_cast<size_t>(task_.weight_bytes()));
    if (Check fault = read(0, all)) return fault;
    context_.work.weight_bytes += decoder_ ? decoder_->coded_bytes() : all.size();
    loaded_ = true;
    return std::nullopt;
}

Check WeightDma::group(uint32_t first, uint32_t count, std::span<const std::byte>& bytes) {
    const uint64_t offset = uint64_t{first} * task_.kernel_bytes;
    const auto size = static_cast<size_t>(uint64_t{count} * task_.kernel_bytes);
    if (resident()) {
        if (!loaded_)
            if (Check fault = load_all()) return fault;
        bytes = cbuf_.weights().subspan(static_cast<size_t>(offset), size);
        return std::nullopt;
    }
    if (task_.weight_reuse) {  // reuse of more than was there: whatever the banks hold
        buffer_.resize(size);
        cbuf_.load_weights(offset, buffer_);
        bytes = buffer_;
        return std::nullopt;
    }
    const auto start = static_cast<uint32_t>(task_.weight_address + offset);
    const std::byte* view = decoder_ ? nullptr : context_.bus.view(context_.address(start), size);
    if (view == nullptr) {
        buffer_.resize(size);
        if (Check fault = read(offset, buffer_)) return fault;
        view = buffer_.data();
    }
    context_.work.weight_bytes += decoder_ ? 0 : size;
    bytes = {view, size};
    return std::nullopt;
}

Check WeightDma::finish() {
    if (resident() || task_.weight_reuse) return std::nullopt;
    if (decoder_) context_.work.weight_bytes += decoder_->coded_bytes();
    const uint64_t kept = std::min(task_.weight_bytes(), cbuf_.weight_capacity());
    buffer_.resize(static_cast<size_t>(kept));
    if (Check fault = read(task_.weight_bytes() - kept, buffer_)) return fault;
    cbuf_.store_weights(task_.weight_bytes() - kept, buffer_);
    return std::nullopt;
}

}  // namespace rosenblatt::emulator
