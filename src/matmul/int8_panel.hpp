// SPDX-License-Identifier: MIT
// Int8Panel: w8a8h and w8a8, and all of w4a8 but what lies in memory. Operands are int8 codes, a tile's results int32, its checksum exact.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bits.hpp"
#include "matmul/checksum.hpp"
#include "matmul/panel.hpp"

namespace rosenblatt::matmul {

class Int8Panel : public Panel {
  public:
    Int8Panel(Device::State& device, const Input& x, PanelRows rows,
              std::span<const Output> outputs, const ParallelFor& parallel_for)
        : Panel(device, x, rows, outputs, parallel_for),
          row_scales_(static_cast<size_t>(rows.count * format().slices())),
          expected_(operands_.size()) {}

  private:
    void expect(size_t o) override;
    Outcome quantise(std::span<LaneRun> runs, bool with_checksums) override;
    bool sums_match(const TileRef& ref, const std::byte* cube) const override;
    std::vector<std::byte> reference_cube(const TileRef& ref,
                                          const ParallelFor& parallel_for) const override;
    bool sums_when_unpacked() const override { return true; }
    void unpack(uint32_t o) override;

    // held_results.cpp
    const std::vector<PanelRows>& blocks() const override { return blocks_; }
    void cut_into_blocks() override;
    bool was_handed_over(size_t block) const override { return handed_over_[block]; }
    void hand_over(size_t block) override;
    bool confirm() override;

    /// Rows of codes, as from the run's first channel on, into its feature cube.
    virtual void write_features(const int8_t* codes, size_t stride, uint32_t rows, uint32_t first,
                                const LaneRun& run) const;
    /// Codes of one kernel of a block in memory.
    virtual void fetch_kernel(const std::byte* block, uint32_t k, uint32_t kernel,
                              int8_t* codes) const;

    void expect_sums(const int8_t* codes, size_t stride, uint32_t first, uint32_t rows);
    std::vector<int8_t> row_codes(const compile::Tile& tile) const;

    class Unpacker;
    /// Some rows of a row range.
    struct Part {
        uint32_t range, first, rows;
        bool done = false;
    };
    /// [operand][channel range][group]: sums of what was unpacked, as expected_ has them.
    using GroupSums = std::vector<std::vector<uint32_t>>;
    std::vector<Part> parts_of(uint32_t o, uint32_t rows_at_once) const;
    GroupSums no_sums(uint32_t o) const;
    void unpack_part(uint32_t o, const Part& part, GroupSums* sums) const;
    uint32_t groups() const { return div_round_up(m(), k_group_rows); }
    void unpack_pieces(uint32_t o, std::vector<Part>& pieces, GroupSums* sums);
    std::vector<TileRef> suspects(uint32_t o, const GroupSums& sums,
                                  std::vector<Part>& pieces) const;
    std::vector<TileRef> wrong_among(std::vector<TileRef> suspects) const;
    bool y_is_large(uint32_t o) const;

    std::vector<float> row_scales_;                ///< [m][slices]
    std::vector<std::vector<uint32_t>> expected_;  ///< per operand: [channel range][group of rows]

    // Of results that are held, of operand 0 and its second.
    std::vector<Part> parts_;
    std::vector<PanelRows> blocks_;          ///< the same rows, counted from the panel's first
    std::vector<std::atomic<bool>> handed_over_;  ///< each, and its sums taken
    GroupSums sums_;
    bool confirmed_ = false;
};

}  // namespace rosenblatt::matmul
