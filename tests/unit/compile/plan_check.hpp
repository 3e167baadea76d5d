// SPDX-License-Identifier: MIT
// An independent judge of plans: legality tile by tile, and coverage of M x K x N exactly once.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "compile/plan.hpp"

namespace rosenblatt::compile {

/// What is wrong with one tile; empty: nothing.
inline std::string tile_complaint(const Tile& t, const TilingRequest& request) {
    const Limits& limits = request.limits;
    const uint64_t size = request.type == NumberType::Int8 ? 1 : 2;
    if (t.lane >= request.lanes) return "lane out of range";
    if (t.m == 0 || t.k == 0 || t.n == 0) return "empty tile";
    if (t.k % 32 != 0 || t.n % 32 != 0 || t.k0 % 32 != 0 || t.n0 % 32 != 0) return "not padded";
    if (t.m > limits.max_m || t.k > limits.max_k || t.n > limits.max_n) return "too large";
    if (t.data_banks + t.weight_banks > limits.cbuf_banks) return "too many banks";
    if (size * t.m * t.k > uint64_t{t.data_banks} * limits.bank_bytes) return "features do not fit";
    if (32ULL * t.k > uint64_t{t.weight_banks} * limits.bank_bytes) return "no kernel group fits";
    return {};
}

/// Sweeps K x N in 32 x 32 cells: for each cell the row ranges must be 0..M without gap or overlap.
inline std::string coverage_complaint(const Plan& plan) {
    std::map<std::pair<uint32_t, uint32_t>, std::map<uint32_t, uint32_t>> cells;
    for (const Tile& t : plan.tiles)
        for (uint32_t k = t.k0; k < t.k0 + t.k; k += 32)
            for (uint32_t n = t.n0; n < t.n0 + t.n; n += 32)
                if (!cells[{k, n}].emplace(t.m0, t.m).second) return "rows computed twice";
    const uint64_t wanted = uint64_t{(plan.shape.k + 31) / 32} * ((plan.shape.n + 31) / 32);
    if (cells.size() != wanted) return "covers " + std::to_string(cells.size()) + " cells of K x N";
    for (const auto& [cell, rows] : cells) {
        if (cell.first >= plan.shape.k || cell.second >= plan.shape.n) return "cell out of range";
        uint32_t next = 0;
        for (const auto& [m0, m] : rows) {
            if (m0 != next) return "gap or overlap in rows";
            next = m0 + m;
        }
        if (next != plan.shape.m) return "rows missing";
    }
    return {};
}

/// What tile `t` claims to find in the CBUF after `b`, the task before it on the lane.
inline std::string reuse_complaint(const Tile& t, const Tile& b, const TilingRequest& request) {
    if (!t.weight_reuse && !t.data_reuse) return {};
    if (b.data_banks != t.data_banks) return "reuse across another bank split";
    const bool same_weights = std::tie(b.k0, b.k, b.n0, b.n) == std::tie(t.k0, t.k, t.n0, t.n);
    const uint64_t weights = uint64_t{t.k} * t.n * (request.type == NumberType::Int8 ? 1 : 2);
    const uint64_t room = uint64_t{t.weight_banks} * request.limits.bank_bytes;
    if (t.weight_reuse && (!same_weights || weights > room)) return "weights are not in the CBUF";
    if (t.data_reuse && std::tie(b.k0, b.k, b.m0, b.m) != std::tie(t.k0, t.k, t.m0, t.m))
        return "features are not in the CBUF";
    return {};
}

inline std::string jobs_complaint(const Plan& plan, const TilingRequest& request) {
    uint32_t next = 0;
    for (const Job& job : plan.jobs) {
        if (job.first != next || job.count == 0) return "jobs do not follow each other";
        next += job.count;
        for (uint32_t i = job.first; i < next; ++i) {
            const Tile& t = plan.tiles[i];
            if (t.lane != job.lane) return "tile in another lane's job";
            if (i == job.first && (t.weight_reuse || t.data_reuse))
                return "reuse across a job's start";
            if (i == job.first) continue;
            if (std::string c = reuse_complaint(t, plan.tiles[i - 1], request); !c.empty())
                return c;
        }
    }
    return next == plan.tiles.size() ? "" : "tiles outside jobs";
}

inline std::string complaint(const Plan& plan, const WeightTiling& tiling) {
    for (const Tile& t : plan.tiles) {
        if (std::string c = tile_complaint(t, tiling.request); !c.empty()) return c;
        const WeightBlock& b = tiling.blocks.at(t.block);
        if (std::tie(b.lane, b.k0, b.k, b.n0, b.n) != std::tie(t.lane, t.k0, t.k, t.n0, t.n))
            return "a tile is not its block";
        for (const uint32_t end : tiling.request.slice_ends)
            if (t.k0 < end && end < t.k0 + t.k) return "a tile crosses a K-slice boundary";
    }
    if (std::string c = coverage_complaint(plan); !c.empty()) return c;
    return jobs_complaint(plan, tiling.request);
}

}  // namespace rosenblatt::compile
