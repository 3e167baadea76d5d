// SPDX-License-Identifier: MIT
// Int8Panel: w8a8h and w8a8. Operands are int8 codes, a tile's results int32, its checksum exact.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "matmul/panel.hpp"

namespace rosenblatt::matmul {

class Int8Panel final : public Panel {
  public:
    Int8Panel(Device::State& device, InputRows x, std::span<const Output> outputs,
              size_t first_row, const ParallelFor& parallel_for)
        : Panel(device, x, outputs, first_row, parallel_for),
          row_scales_(x.size() * static_cast<size_t>(format().slices())),
          expected_(outputs.size()) {}

  private:
    void expect(size_t o) override;
    Outcome quantise(std::span<LaneRun> runs, bool with_checksums) override;
    bool sums_match(const TileRef& ref, const std::byte* cube) const override;
    std::vector<std::byte> reference_cube(const TileRef& ref,
                                          const ParallelFor& parallel_for) const override;
    void unpack(const Operand& operand) override;

    std::vector<int8_t> row_codes(const compile::Tile& tile) const;
    void unpack_rows(const Operand& operand, uint32_t range, uint32_t first, uint32_t rows) const;

    std::vector<float> row_scales_;                ///< [m][slices]
    std::vector<std::vector<uint32_t>> expected_;  ///< per operand: checksums, [block][m]
};

}  // namespace rosenblatt::matmul
