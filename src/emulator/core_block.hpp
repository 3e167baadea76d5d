// SPDX-License-Identifier: MIT
// CORE block: sums of products over windows of the feature map, one kernel group at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "emulator/cna.hpp"
#include "emulator/mac_int8.hpp"
#include "emulator/mac_plain.hpp"
#include "emulator/mac_real.hpp"
#include "emulator/sum_tile.hpp"
#include "npu/convert.hpp"

namespace rosenblatt::emulator {

struct CoreTask {
    uint32_t width = 0, height = 0, channels = 0;  ///< of the output
    bool sum_inputs = false;  ///< QD_EN: sums of the window's inputs go along, for CPEND
    uint32_t truncate = 0;    ///< right shift of the accumulator
    npu::Rounding truncate_rounding = npu::Rounding::HalfEven;
};

Check decode_core(const RegisterFile& registers, const TaskContext& context, const CnaTask& cna,
                  CoreTask& task);

/// Multiplies what FeatureDma holds with what WeightDma brings. The path is chosen once, from the
/// registers alone.
class MacArray {
  public:
    MacArray(const CnaTask& cna, const CoreTask& core, const FeatureDma& features,
             const Switches& switches);

    /// Output channels of one kernel group.
    uint32_t group_channels() const;
    /// The kernels of the group whose first output channel is `first_channel` (depthwise:
    /// channels).
    void load(uint32_t first_channel, uint32_t kernels, std::span<const std::byte> weights);
    /// tile.first_pixel, pixels and channels say what to compute; their rows are in the CBUF.
    void multiply(SumTile& tile);

  private:
    enum class Path { Plain, DirectInt8, DepthwiseInt8, DirectReal };

    static Path choose(const CnaTask& cna, const Switches& switches);
    void fill_pad_pixel(const Switches& switches);
    void gather(const SumTile& tile);
    const RealRow& real_row(uint32_t y);
    void direct_int8(SumTile& tile);
    void depthwise_int8(SumTile& tile) const;

    const CnaTask& cna_;
    const CoreTask& core_;
    const FeatureDma& features_;
    Path path_;
    const MacInt8& mac_;
    PlainMac plain_;
    MacReal real_;
    std::vector<std::byte> pad_pixel_;
    int32_t pad_sum_ = 0;
    std::vector<std::byte> packed_;
    std::span<const std::byte> weights_;
    uint32_t first_channel_ = 0;
    uint32_t group_kernels_ = 0;
    uint32_t gathered_first_ = 0;  ///< the pixels that windows_ describes
    uint32_t gathered_pixels_ = 0;
    std::vector<const std::byte*> windows_;  ///< [pixels][taps]
    std::vector<int32_t> window_sums_;

    // Path::DirectReal: rows widened when first used, as many as the CBUF holds at a time.
    struct WideRow {
        uint32_t y = ~0U;
        RealRow row;
    };
    std::vector<WideRow> wide_rows_;
    RealRow wide_pad_;
    std::vector<MacReal::Tap> taps_;  ///< [pixels][taps]
};

}  // namespace rosenblatt::emulator
