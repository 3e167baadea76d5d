// SPDX-License-Identifier: MIT
// CORE block: sums of products over windows of the feature map, one kernel group at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "emulator/cna.hpp"
#include "emulator/mac_int8.hpp"
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

/// Sums of consecutive output pixels against one kernel group, on their way from CORE to DPU.
struct SumTile {
    uint32_t first_pixel = 0;  ///< in row order over the whole output map
    uint32_t pixels = 0;
    uint32_t first_channel = 0;
    uint32_t channels = 0;
    std::vector<int32_t> values;  ///< [pixels][channels]
    std::vector<int32_t>
        window_sums;  ///< [pixels], depthwise [pixels][channels]; empty without QD_EN
    bool sums_per_channel = false;
};

/// Multiplies what FeatureDma holds with what WeightDma brings.
class MacArray {
  public:
    MacArray(const CnaTask& cna, const CoreTask& core, const FeatureDma& features,
             const Switches& switches);

    /// Output channels of one kernel group.
    uint32_t group_channels() const;
    /// The kernels of the group whose first output channel is `first_channel`.
    void load(uint32_t first_channel, uint32_t kernels, std::span<const std::byte> weights);
    /// tile.first_pixel, pixels and channels say what to compute; their rows are in the CBUF.
    void multiply(SumTile& tile);

  private:
    struct Position {  ///< of a kernel tap in the feature map
        int64_t y, x;
    };
    Position position(uint32_t pixel, uint32_t tap) const;
    bool inside(Position at) const;

    void gather_windows(const SumTile& tile);
    void direct(SumTile& tile);
    void depthwise(SumTile& tile) const;
    int8_t pad(uint32_t channel) const;

    const CnaTask& cna_;
    const CoreTask& core_;
    const FeatureDma& features_;
    const Switches& switches_;
    const MacInt8& mac_;
    std::vector<int8_t> pad_pixel_;
    int32_t pad_sum_ = 0;
    std::vector<std::byte> kernels_;
    std::span<const std::byte> weights_;
    uint32_t first_channel_ = 0;
    uint32_t group_kernels_ = 0;
    uint32_t gathered_first_ = 0;  ///< the pixels that windows_ describes
    uint32_t gathered_pixels_ = 0;
    std::vector<const int8_t*> windows_;
    std::vector<int32_t> window_sums_;
};

}  // namespace rosenblatt::emulator
