// SPDX-License-Identifier: MIT
// CNA: what its registers ask for, and the two DMA engines that fill the CBUF: features and
// weights.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emulator/cbuf.hpp"
#include "emulator/core_state.hpp"
#include "emulator/weight_decoder.hpp"
#include "npu/convert.hpp"
#include "npu/cube.hpp"

namespace rosenblatt::emulator {

/// The convolution as the CNA's registers describe it; checked, so that no product below overflows.
struct CnaTask {
    npu::Element element = npu::Element::Int8;
    bool depthwise = false;

    // features
    uint32_t width = 0;  ///< as convolved
    uint32_t height = 0;
    uint32_t channels = 0;
    npu::FeatureStrides strides;
    uint32_t feature_address = 0;
    bool data_reuse = false;
    uint32_t image_channels =
        0;                 ///< few-channel image input: 1 to 4 packed bytes per pixel; else 0
    bool convert = false;  ///< the input converter works
    bool convert_signed = false;
    std::array<npu::Requantise, 4> converters;

    // kernel window
    uint32_t kernel_width = 1, kernel_height = 1;
    uint32_t stride_x = 1, stride_y = 1;
    uint32_t dilation_x = 1, dilation_y = 1;
    uint32_t pad_left = 0, pad_top = 0;
    uint32_t pad_value = 0;  ///< raw PAD_CON1

    // weights
    uint32_t kernels = 0;
    uint32_t kernel_bytes = 0;
    uint32_t weight_address = 0;
    bool weight_reuse = false;
    bool compressed = false;                 ///< DCOMP_CTRL: weights are coded in 16 lanes
    std::array<uint32_t, 16> lane_blocks{};  ///< 16-byte blocks of each lane, less 1

    uint32_t data_banks = 0, weight_banks = 0;
    uint32_t out_width = 0;
    uint32_t out_pixels = 0;  ///< DATAOUT_ATOMICS

    uint32_t taps() const { return kernel_width * kernel_height; }
    uint32_t surfaces() const {
        return static_cast<uint32_t>(
            div_round_up<uint64_t>(npu::bytes_of(element, channels), npu::k_atom_bytes));
    }
    /// A pixel lies in the CBUF with all its channels side by side, whole atoms.
    uint32_t pixel_bytes() const { return surfaces() * npu::k_atom_bytes; }
    uint64_t row_bytes() const { return npu::cbuf_row_bytes(uint64_t{width} * pixel_bytes()); }
    uint64_t weight_bytes() const { return uint64_t{kernels} * kernel_bytes; }
    uint32_t group_kernels() const { return npu::mac_array(element).kernels; }
};

Check decode_cna(const RegisterFile& registers, const TaskContext& context, CnaTask& task);

/// Brings feature rows into the CBUF, in order, as far as asked.
class FeatureDma {
  public:
    /// `sums`: also forms sums() (int8 and int4 only).
    FeatureDma(const CnaTask& task, Cbuf& cbuf, const TaskContext& context, bool sums);

    /// Rows of the map that can be in the CBUF together.
    uint64_t capacity() const { return capacity_; }
    /// Fetches rows up to `end`, exclusive; rows more than capacity() before it are gone.
    Check fetch(uint32_t end);
    const std::byte* pixel(uint32_t y, uint32_t x) const {
        return cbuf_.data_row(y, row_bytes_) + size_t{x} * pixel_bytes_;
    }
    /// The sum over the channels of each pixel of row y.
    const int32_t* sums(uint32_t y) const { return sums_.data() + y % capacity_ * task_.width; }

  private:
    Check fetch_row(uint32_t y);
    Check fetch_image_row(uint32_t y);
    void convert_row(std::byte* row) const;
    uint32_t atom_address(uint32_t surface, uint32_t y) const;
    const std::byte* view_all() const;
    void sum_row(uint32_t y);

    const CnaTask& task_;
    Cbuf& cbuf_;
    const TaskContext& context_;
    uint32_t pixel_bytes_;
    uint64_t row_bytes_;
    uint64_t capacity_;
    bool wants_sums_;
    uint32_t fetched_ = 0;
    const std::byte* view_ =
        nullptr;  ///< the host's address of feature_address, if all is in one piece
    std::vector<std::byte> line_;
    std::vector<int32_t> sums_;
};

/// Brings weights, one kernel group at a time.
class WeightDma {
  public:
    WeightDma(const CnaTask& task, Cbuf& cbuf, const TaskContext& context);

    /// The bytes of kernels [first, first + count); valid until the next call.
    Check group(uint32_t first, uint32_t count, std::span<const std::byte>& bytes);
    /// Leaves in the CBUF what a streaming fetch leaves there.
    Check finish();

  private:
    bool resident() const { return task_.weight_bytes() <= cbuf_.weight_capacity(); }
    Check read(uint64_t offset, std::span<std::byte> bytes);
    Check load_all();

    const CnaTask& task_;
    Cbuf& cbuf_;
    const TaskContext& context_;
    bool loaded_ = false;
    std::vector<std::byte> buffer_;
    std::optional<WeightDecoder> decoder_;
};

}  // namespace rosenblatt::emulator
