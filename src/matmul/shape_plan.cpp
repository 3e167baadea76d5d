// SPDX-License-Identifier: MIT
// ShapePlans: from compile's plan to streams, buffer places and the order of summation.
#include "matmul/shape_plan.hpp"

#include <algorithm>
#include <set>

#include "compile/planner.hpp"
#include "compile/tiling.hpp"

namespace rosenblatt::matmul {
namespace {

constexpr size_t k_recent_plans = 16;
/// More rows than this lets in are computed as several panels, so that work buffers stay small
/// beside the weights and the cache maintenance of one overlaps nothing it need not.
constexpr uint64_t k_c_bytes_max = 64u << 20;
constexpr uint32_t k_rows_max = 2048;

std::vector<uint32_t> slice_ends(const quant::RowFormat& format) {
    std::vector<uint32_t> ends;
    for (int64_t s = 0; s < format.slices(); ++s)
        ends.push_back(static_cast<uint32_t>(format.slice_end(s)));
    return ends;
}

std::vector<ColumnSegment> cut_columns(const compile::WeightTiling& tiling,
                                       const quant::RowFormat& format, uint32_t n) {
    std::set<uint32_t> borders{n};
    for (const compile::WeightBlock& block : tiling.blocks) borders.insert(block.n0);
    std::vector<ColumnSegment> segments;
    for (auto it = borders.begin(); *it < n; ++it) {
        ColumnSegment segment{.n0 = *it, .n = *std::next(it) - *it, .contributions = {}};
        for (uint32_t b = 0; b < tiling.blocks.size(); ++b) {
            const compile::WeightBlock& block = tiling.blocks[b];
            if (block.n0 > segment.n0 || block.n0 + block.n <= segment.n0) continue;
            segment.contributions.push_back(
                {b, static_cast<uint32_t>(block.k0 / format.slice_length)});
        }
        const auto by_k = [&](const Contribution& x, const Contribution& y) {
            return tiling.blocks[x.block].k0 < tiling.blocks[y.block].k0;
        };
        std::sort(segment.contributions.begin(), segment.contributions.end(), by_k);
        segments.push_back(std::move(segment));
    }
    return segments;
}

compile::TaskTemplate stream_of(const compile::Tile& tile, uint32_t rows_stored,
                                compile::NumberType type) {
    using npu::Element;
    using compile::NumberType;
    compile::MatmulTask task;
    if (type == NumberType::F16) {
        task.operand = Element::Fp16;
        task.result = Element::Fp32;
    } else if (type == NumberType::Int4) {
        task.operand = Element::Int4;
        task.result = Element::Int16;
    }
    task.m = compile::rows_on_npu(type, tile.m);
    task.k = tile.k;
    task.n = tile.n;
    task.data_banks = tile.data_banks;
    task.weight_banks = tile.weight_banks;
    task.data_reuse = tile.data_reuse;
    task.weight_reuse = tile.weight_reuse;
    task.features = compile::folded_features(task.m, compile::rows_on_npu(type, rows_stored));
    task.output = compile::native_results(task.operand, task.result, task.m);
    return compile::TaskTemplate(task);
}

}  // namespace

compile::NumberType number_type(Pipeline pipeline) {
    switch (pipeline) {
        case Pipeline::F16:
            return compile::NumberType::F16;
        case Pipeline::W4A8:
            return compile::NumberType::Int4;
        default:
            return compile::NumberType::Int8;
    }
}

compile::TaskTemplate stream_without_reuse(compile::Tile tile, uint32_t rows_stored,
                                           compile::NumberType type) {
    tile.weight_reuse = false;
    tile.data_reuse = false;
    return stream_of(tile, rows_stored, type);
}

Result<std::shared_ptr<ShapePlans>> ShapePlans::make(const quant::RowFormat& format, int64_t n,
                                                     compile::NumberType type, unsigned lanes, const compile::Limits& limits,
                                                     const compile::Conditions& conditions) {
    compile::TilingRequest request;
    request.k = static_cast<uint32_t>(format.k_padded);
    request.n = static_cast<uint32_t>(n);
    request.type = type;
    request.lanes = lanes;
    request.slice_ends = slice_ends(format);
    request.limits = limits;
    auto tiling = compile::tiling_for(request);
    if (!tiling) return tiling.error();
    return std::shared_ptr<ShapePlans>(
        new ShapePlans(std::move(tiling).value(), conditions, format, n));
}

ShapePlans::ShapePlans(compile::WeightTiling tiling, compile::Conditions conditions,
                       const quant::RowFormat& format, int64_t n)
    : tiling_(std::move(tiling)),
      conditions_(conditions),
      segments_(cut_columns(tiling_, format, static_cast<uint32_t>(n))) {
    std::vector<uint64_t> used(tiling_.request.lanes, 0);
    for (const compile::WeightBlock& block : tiling_.blocks) {
        block_offset_.push_back(used[block.lane]);
        used[block.lane] += block.bytes(tiling_.request.type);
        const ChannelRange range{block.k0, block.k};
        const auto known = std::find(ranges_.begin(), ranges_.end(), range);
        range_of_.push_back(static_cast<uint32_t>(known - ranges_.begin()));
        if (known == ranges_.end()) ranges_.push_back(range);
    }
}

std::vector<uint32_t> ShapePlans::blocks_of(uint32_t n0) const {
    std::vector<uint32_t> found;
    for (uint32_t b = 0; b < tiling_.blocks.size(); ++b) {
        const compile::WeightBlock& block = tiling_.blocks[b];
        if (block.n0 <= n0 && n0 < block.n0 + block.n) found.push_back(b);
    }
    return found;
}

uint32_t ShapePlans::columns_padded() const {
    return align_up(tiling_.request.n, compile::column_unit(tiling_.request.type));
}

uint32_t ShapePlans::host_sums() const {
    size_t most = 1;
    for (const ColumnSegment& segment : segments_)
        most = std::max(most, segment.contributions.size());
    return static_cast<uint32_t>(most - 1);
}

uint32_t ShapePlans::max_rows() const {
    std::vector<uint64_t> row_bytes(tiling_.request.lanes, 1);
    for (const compile::WeightBlock& block : tiling_.blocks)
        row_bytes[block.lane] += uint64_t{block.n} * compile::k_output_bytes;
    const uint64_t most = k_c_bytes_max / *std::max_element(row_bytes.begin(), row_bytes.end());
    return static_cast<uint32_t>(std::clamp<uint64_t>(most, 1, k_rows_max));
}

Result<std::shared_ptr<const CompiledPlan>> ShapePlans::plan(uint32_t m) {
    const auto known = std::find_if(recent_.begin(), recent_.end(),
                                    [m](const auto& plan) { return plan->plan.shape.m == m; });
    if (known != recent_.end()) {
        recent_.splice(recent_.begin(), recent_, known);
        return recent_.front();
    }
    auto plan = compile::make_plan(m, tiling_, conditions_);
    if (!plan) return plan.error();
    auto compiled = std::make_shared<CompiledPlan>();
    compiled->plan = std::move(plan).value();
    compiled->lane_c_bytes.resize(tiling_.request.lanes, 0);
    const auto& ranges = compiled->plan.row_ranges;
    compiled->tile_of.resize(tiling_.blocks.size() * ranges.size());
    for (uint32_t t = 0; t < compiled->plan.tiles.size(); ++t) {
        const compile::Tile& tile = compiled->plan.tiles[t];
        compiled->streams.push_back(stream_of(tile, m, tiling_.request.type));
        uint64_t& c_bytes = compiled->lane_c_bytes[tile.lane];
        compiled->c_offset.push_back(c_bytes);
        c_bytes += uint64_t{tile.m} * tile.n * compile::k_output_bytes;
        const auto range = std::find_if(ranges.begin(), ranges.end(),
                                        [&](const auto& rows) { return rows.m0 == tile.m0; });
        compiled
            ->tile_of[tile.block * ranges.size() + static_cast<size_t>(range - ranges.begin())] = t;
    }
    recent_.push_front(compiled);
    if (recent_.size() > k_recent_plans) recent_.pop_back();
    return recent_.front();
}

}  // namespace rosenblatt::matmul
