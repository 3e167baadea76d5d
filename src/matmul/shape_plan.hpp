// SPDX-License-Identifier: MIT
// ShapePlans: what all weights of one shape and pipeline share: how W is cut into blocks, and the
// compiled plan (tiles, streams, places in the C buffers) for each number of rows it met lately.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "compile/emit_matmul.hpp"
#include "compile/plan.hpp"
#include "quant/row_format.hpp"

namespace rosenblatt::matmul {

/// A block of W that contributes to a column segment, and the K-slice it belongs to.
struct Contribution {
    uint32_t block = 0;  ///< index into WeightTiling::blocks
    uint32_t slice = 0;
};

/// Columns that the same blocks cover; contributions in ascending k.
struct ColumnSegment {
    uint32_t n0 = 0;
    uint32_t n = 0;  ///< real columns: the last segment may end inside a group of 32
    std::vector<Contribution> contributions;
};

/// Channels that some blocks share: their results are proved together, by one sum for each row.
struct ChannelRange {
    uint32_t k0 = 0, k = 0;
    bool operator==(const ChannelRange&) const = default;
};

/// A plan with everything that does not depend on the call: streams and offsets.
struct CompiledPlan {
    compile::Plan plan;
    std::vector<compile::TaskTemplate> streams;  ///< one per tile
    std::vector<uint64_t> c_offset;              ///< of each tile's cube in its lane's C buffer
    std::vector<uint64_t> lane_c_bytes;          ///< per lane
    /// Tile of each (block, row range): tile_of[block * row_ranges + range].
    std::vector<uint32_t> tile_of;
};

/// What the MAC array multiplies under `pipeline`.
compile::NumberType number_type(Pipeline pipeline);

/// The tile's stream for another place in the order of tasks, where nothing is in the CBUF yet.
compile::TaskTemplate stream_without_reuse(compile::Tile tile, uint32_t rows_stored,
                                           compile::NumberType type);

class ShapePlans {
  public:
    static Result<std::shared_ptr<ShapePlans>> make(const quant::RowFormat& format, int64_t n,
                                                    compile::NumberType type, unsigned lanes, const compile::Limits& limits,
                                                    const compile::Conditions& conditions);

    const compile::WeightTiling& tiling() const { return tiling_; }
    const std::vector<ColumnSegment>& segments() const { return segments_; }
    const std::vector<ChannelRange>& ranges() const { return ranges_; }
    /// Index into ranges() of a block's channels.
    uint32_t range_of(uint32_t block) const { return range_of_[block]; }
    /// Where each block begins in its lane's weight BO.
    uint64_t block_offset(uint32_t block) const { return block_offset_[block]; }
    /// Blocks that hold column n0, one of each K range.
    std::vector<uint32_t> blocks_of(uint32_t n0) const;
    uint64_t lane_bytes(uint32_t lane) const { return tiling_.lane_bytes(lane); }
    uint32_t columns_padded() const;
    /// K-slices and K-splits that the host sums, beyond the first of each column.
    uint32_t host_sums() const;
    /// The most rows whose C cubes stay within k_c_bytes_max on every lane.
    uint32_t max_rows() const;

    /// Not thread-safe: the device's lock guards it.
    Result<std::shared_ptr<const CompiledPlan>> plan(uint32_t m);

  private:
    ShapePlans(compile::WeightTiling tiling, compile::Conditions conditions,
               const quant::RowFormat& format, int64_t n);

    compile::WeightTiling tiling_;
    compile::Conditions conditions_;
    std::vector<uint64_t> block_offset_;
    std::vector<ColumnSegment> segments_;
    std::vector<ChannelRange> ranges_;
    std::vector<uint32_t> range_of_;
    std::list<std::shared_ptr<const CompiledPlan>> recent_;  ///< latest first
};

}  // namespace rosenblatt::matmul
