// SPDX-License-Identifier: MIT
// Int4Panel: w4a8. The NPU multiplies the halves of int8 codes with int4 weights; joined, its int16
// results are the int32 sums of w8a8h's way, and all else is the same.
#pragma once

#include "matmul/int8_panel.hpp"

namespace rosenblatt::matmul {

class Int4Panel final : public Int8Panel {
  public:
    using Int8Panel::Int8Panel;

  private:
    void write_features(const int8_t* codes, size_t stride, uint32_t rows, uint32_t first,
                        const LaneRun& run) const override;
    void fetch_kernel(const std::byte* block, uint32_t k, uint32_t kernel,
                      int8_t* codes) const override;
    void settle(const TileRef& ref, std::byte* cube) const override;
};

/// From the int16 cube [n/8][2m][8], high and low halves in turn, to the int32 cube [n/4][m][4] in
/// the same bytes. n is a multiple of 8.
void join_halves(std::byte* cube, uint32_t m, uint32_t n);

}  // namespace rosenblatt::matmul
