// SPDX-License-Identifier: MIT
// The cuts themselves: K pieces, and the dealing of (K block, column group) runs to lanes.
#include "compile/tiling.hpp"

#include <algorithm>

#include "base/bits.hpp"

namespace rosenblatt::compile {
namespace {

struct Channels {
    uint32_t k0 = 0, k = 0;
};

/// `count` items in `parts` parts that differ by at most one; the first ones are the larger.
uint32_t part_begin(uint32_t count, uint32_t parts, uint32_t part) {
    return part * (count / parts) + std::min(part, count % parts);
}

std::vector<Channels> cut_channels(const TilingRequest& request, uint32_t pieces) {
    std::vector<uint32_t> ends = request.slice_ends;
    if (ends.empty()) ends.push_back(align_up(request.k, k_unit));
    std::vector<Channels> blocks;
    uint32_t begin = 0;
    for (const uint32_t end : ends) {
        const uint32_t units = (end - begin) / k_unit;
        const uint32_t parts = std::min(pieces, units);
        for (uint32_t part = 0; part < parts; ++part) {
            const uint32_t first = part_begin(units, parts, part);
            const uint32_t last = part_begin(units, parts, part + 1);
            blocks.push_back({begin + first * k_unit, (last - first) * k_unit});
        }
        begin = end;
    }
    return blocks;
}

/// Columns [group0, group1) of one K block, in blocks of at most max_n columns of equal size.
void append(WeightTiling& tiling, uint32_t lane, Channels channels, uint32_t group0,
            uint32_t group1, uint32_t max_n) {
    const uint32_t unit = column_unit(tiling.request.type);
    const uint32_t groups = group1 - group0;
    const uint32_t parts = div_round_up(groups, std::max(1U, max_n / unit));
    for (uint32_t part = 0; part < parts; ++part) {
        const uint32_t first = part_begin(groups, parts, part);
        const uint32_t last = part_begin(groups, parts, part + 1);
        tiling.blocks.push_back({.lane = lane,
                                 .k0 = channels.k0,
                                 .k = channels.k,
                                 .n0 = (group0 + first) * unit,
                                 .n = (last - first) * unit});
    }
}

void deal_columns(WeightTiling& tiling, const std::vector<Channels>& channels, uint32_t max_n) {
    const uint32_t groups = div_round_up(tiling.request.n, column_unit(tiling.request.type));
    const uint32_t lanes = tiling.request.lanes;
    for (uint32_t lane = 0; lane < lanes; ++lane)
        for (const Channels& block : channels)
            append(tiling, lane, block, part_begin(groups, lanes, lane),
                   part_begin(groups, lanes, lane + 1), max_n);
}

constexpr uint32_t k_most_blocks = 12;  ///< of K, in all slices together, beyond two a slice

/// The part of a K block's columns within which Snap::WhenNear takes a border for near.
constexpr uint32_t k_near = 8;

/// Where lane `lane` begins, as (K block, group): an equal share of the MACs before it.
struct Border {
    size_t block = 0;
    uint32_t group = 0;
};

Border border(const std::vector<Channels>& channels, uint32_t groups, uint32_t lanes, uint32_t lane,
              Snap snap) {
    uint64_t total = 0;
    for (const Channels& block : channels) total += block.k;
    uint64_t before = (total * groups * lane + lanes / 2) / lanes;  // in k * groups
    for (size_t i = 0; i < channels.size(); ++i) {
        const uint64_t size = uint64_t{channels[i].k} * groups;
        if (before < size) {
            auto group = static_cast<uint32_t>((before + channels[i].k / 2) / channels[i].k);
            const uint32_t near = snap == Snap::Always     ? groups / 2
                                  : snap == Snap::WhenNear ? (groups - 1) / k_near
                                                           : 0;
            if (group <= near) return {i, 0};
            if (groups - group <= near) return {i + 1, 0};
            return {i, group};
        }
        before -= size;
    }
    return {channels.size(), 0};
}

void deal_channels(WeightTiling& tiling, const std::vector<Channels>& channels,
                   const TilingChoice& choice) {
    const uint32_t groups = div_round_up(tiling.request.n, column_unit(tiling.request.type));
    const uint32_t lanes = tiling.request.lanes;
    for (uint32_t lane = 0; lane < lanes; ++lane) {
        const Border begin = border(channels, groups, lanes, lane, choice.snap);
        const Border end = border(channels, groups, lanes, lane + 1, choice.snap);
        for (size_t i = begin.block; i <= end.block && i < channels.size(); ++i)
            append(tiling, lane, channels[i], i == begin.block ? begin.group : 0,
                   i == end.block ? end.group : groups, choice.max_n);
    }
}

}  // namespace

uint64_t WeightTiling::lane_bytes(uint32_t lane) const {
    uint64_t bytes = 0;
    for (const WeightBlock& block : blocks)
        if (block.lane == lane) bytes += block.bytes(request.type);
    return bytes;
}

WeightTiling cut(const TilingRequest& request, const TilingChoice& choice) {
    WeightTiling tiling{.request = request, .blocks = {}};
    const std::vector<Channels> channels = cut_channels(request, choice.pieces);
    for (const Channels& block : channels)
        if (block.k > request.limits.max_k) return tiling;
    if (choice.deal == Deal::ByColumns)
        deal_columns(tiling, channels, choice.max_n);
    else
        deal_channels(tiling, channels, choice);
    return tiling;
}

std::vector<TilingChoice> choices(const TilingRequest& request) {
    const auto slices = static_cast<uint32_t>(std::max<size_t>(1, request.slice_ends.size()));
    const uint32_t most_pieces =
        request.type == NumberType::F16 ? 1 : std::max(2U, k_most_blocks / slices);
    std::vector<TilingChoice> all;
    for (uint32_t pieces = 1; pieces <= most_pieces; ++pieces) {
        const uint32_t max_n = request.limits.max_n;
        all.push_back({Deal::ByColumns, pieces, Snap::Never, max_n});
        for (const Snap snap : {Snap::Never, Snap::WhenNear, Snap::Always})
            all.push_back({Deal::ByChannels, pieces, snap, max_n});
    }
    return all;
}

}  // namespace rosenblatt::compile
