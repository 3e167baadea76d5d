// SPDX-License-Identifier: MIT
// HalfPanel: f16. Operands are fp16, a tile's results fp32 as the chip rounds them (hardware.md
// 5.7), its checksum has a derived tolerance.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "matmul/half_checksum.hpp"
#include "matmul/panel.hpp"

namespace rosenblatt::matmul {

class HalfPanel final : public Panel {
  public:
    HalfPanel(Device::State& device, const Input& x, PanelRows rows,
              std::span<const Output> outputs, const ParallelFor& parallel_for)
        : Panel(device, x, rows, outputs, parallel_for),
          row_scales_(static_cast<size_t>(rows.count)),
          expected_(operands_.size()) {}

  private:
    void expect(size_t o) override;
    Outcome quantise(std::span<LaneRun> runs, bool with_checksums) override;
    bool sums_match(const TileRef& ref, const std::byte* cube) const override;
    std::vector<std::byte> reference_cube(const TileRef& ref,
                                          const ParallelFor& parallel_for) const override;
    void unpack(uint32_t o) override;

    void expect_rows(const uint16_t* codes, uint32_t first, uint32_t rows);
    void unpack_rows(const Operand& operand, uint32_t range, uint32_t first, uint32_t rows,
                     float* const* y) const;
    void unpack_group(uint32_t o, uint32_t range, uint32_t first, uint32_t rows) const;

    std::vector<float> row_scales_;                    ///< powers of two, per row
    std::vector<std::vector<HalfExpected>> expected_;  ///< per operand: [block][m]
};

}  // namespace rosenblatt::matmul
