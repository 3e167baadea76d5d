// SPDX-License-Identifier: MIT
// Cuts W into blocks for the lanes: once per weight shape, when the weights are packed.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "compile/plan.hpp"

namespace rosenblatt::compile {

/// How a matrix may be dealt out to the lanes.
enum class Deal {
    ByColumns,   ///< each lane has a range of N, whole in K
    ByChannels,  ///< blocks of K one after the other, each over all N; lanes get equal runs of that
};

/// ByChannels: whether a lane's border, which lies where its share of the work ends, moves to the
/// border of a K block. Fewer tasks then, of less equal sizes.
enum class Snap { Never, WhenNear, Always };

struct TilingChoice {
    Deal deal = Deal::ByColumns;
    uint32_t pieces = 1;  ///< K blocks per slice
    Snap snap = Snap::Never;
    uint32_t max_n = 4096;  ///< columns of a block
};

/// One legal tiling, whatever its speed; nullopt-like empty `blocks` where `choice` does not fit.
WeightTiling cut(const TilingRequest& request, const TilingChoice& choice);

/// All choices worth trying for `request`.
std::vector<TilingChoice> choices(const TilingRequest& request);

/// The tiling to pack with: the fastest over the clocks and row counts of docs/tile-size.md.
/// Errors: a dimension or the lane count is 0, or a slice is too long for any legal tile.
Result<WeightTiling> tiling_for(const TilingRequest& request);

}  // namespace rosenblatt::compile
