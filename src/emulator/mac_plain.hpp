// SPDX-License-Identifier: MIT
// The multiplier array one product at a time, for every element type: the plain twin of the fast
// paths.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emulator/cna.hpp"
#include "emulator/sum_tile.hpp"

namespace rosenblatt::emulator {

class PlainMac {
  public:
    explicit PlainMac(const CnaTask& cna) : cna_(cna) {}

    /// Weights of one group: `kernels` kernels, or channels of a depthwise convolution.
    void load(uint32_t kernels, std::span<const std::byte> weights);

    /// Fills the tile from the windows of its pixels, [pixels][taps] pointers to pixels.
    void multiply(std::span<const std::byte* const> windows, SumTile& tile);

  private:
    void direct(const std::byte* const* window, uint32_t pixel, SumTile& tile);
    void depthwise(const std::byte* const* window, uint32_t pixel, SumTile& tile) const;

    /// Calls visit(tap, first, end) for the runs of channels in the order they are multiplied.
    template <typename Visit>
    void each_run(const Visit& visit) const;

    const CnaTask& cna_;
    uint32_t kernels_ = 0;
    std::span<const std::byte> weights_;
    std::vector<int32_t> int_weights_;  ///< [kernels][terms], in the order of each_run
    std::vector<float> real_weights_;
    std::vector<int32_t> int_window_;
    std::vector<float> real_window_;
};

}  // namespace rosenblatt::emulator
