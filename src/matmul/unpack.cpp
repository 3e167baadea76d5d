// SPDX-License-Identifier: MIT
// From int32 cubes to rows of Y: K-splits add as int32, K-slices in f32 in ascending k, then the
// scale of the output feature. The checksums are taken in the same pass, while a line of a cube is
// at hand; rows whose sums are wrong are done again after a repair.
#include <algorithm>
#include <atomic>
#include <set>

#include "matmul/checksum.hpp"
#include "matmul/int8_panel.hpp"
#include "matmul/tile_kernels.hpp"

namespace rosenblatt::matmul {
namespace {

constexpr uint32_t k_atom_columns = 4;
constexpr uint32_t k_rows_at_once = 32;  // half a kilobyte of every surface
/// For a target function: so many columns of k_rows_at_once rows stay in the second-level cache.
constexpr uint32_t k_strip_columns = 512;
/// A larger Y does not stay in the caches until it is read.
constexpr uint64_t k_past_cache_bytes = 8u << 20;

struct UnpackScratch {
    std::vector<float> row_scales;  ///< [slice][row][4]
    std::vector<uint32_t> sums;     ///< [operand][channel range][row][4]
    std::vector<StripPart> parts;
    std::vector<float> values[2];
    std::vector<float*> rows[2];
};

UnpackScratch& scratch_of_thread() {
    static thread_local UnpackScratch scratch;
    return scratch;
}

}  // namespace

/// Some rows of one row range, for an operand and the one that is handed over with it.
class Int8Panel::Unpacker {
  public:
    /// `sums`: what the sums of the results are added to; null: they are not checked.
    Unpacker(const Int8Panel& panel, uint32_t operand, const Part& piece, GroupSums* sums)
        : panel_(panel),
          scratch_(scratch_of_thread()),
          operand_(operand),
          count_(panel.operands_[operand].target->second ? 2 : 1),
          target_(*panel.operands_[operand].target),
          piece_(piece),
          range_(panel.operands_[operand].plan->plan.row_ranges[piece.range]),
          row0_(range_.m0 + piece.first),
          group_sums_(sums) {}

    /// What is written is final once the sums have turned out right.
    void run() {
        const bool check = group_sums_ != nullptr;
        fill_row_scales();
        if (check) clear_sums();
        target_.write ? to_function(check) : to_rows(check);
        if (check) add_to_groups();
    }

  private:
    const Operand& operand(uint32_t i) const { return panel_.operands_[operand_ + i]; }
    const ShapePlans& plans() const { return *operand(0).weights->plans; }
    size_t surface() const { return size_t{range_.m} * k_atom_columns; }
    uint32_t tile_of(uint32_t block) const {
        const CompiledPlan& compiled = *operand(0).plan;
        return compiled.tile_of[block * compiled.plan.row_ranges.size() + piece_.range];
    }
    const int32_t* cube(uint32_t i, uint32_t block, uint32_t column) const {
        return reinterpret_cast<const int32_t*>(operand(i).cubes[tile_of(block)]) +
               size_t{column} * range_.m + size_t{piece_.first} * k_atom_columns;
    }
    uint32_t* sums(uint32_t i, uint32_t range) {
        const size_t ranges = plans().ranges().size();
        return scratch_.sums.data() + (i * ranges + range) * piece_.rows * k_atom_columns;
    }
    uint32_t* sums_of_block(uint32_t i, uint32_t block) {
        return sums(i, plans().range_of(block));
    }

    void fill_row_scales() {
        const auto slices = static_cast<size_t>(panel_.format().slices());
        scratch_.row_scales.resize(slices * piece_.rows * k_atom_columns);
        float* to = scratch_.row_scales.data();
        for (size_t s = 0; s < slices; ++s)
            for (uint32_t i = 0; i < piece_.rows; ++i)
                to = std::fill_n(to, k_atom_columns, panel_.row_scales_[(row0_ + i) * slices + s]);
    }

    void clear_sums() {
        scratch_.sums.assign(count_ * plans().ranges().size() * piece_.rows * k_atom_columns, 0u);
    }

    /// Columns [n, n + columns) of a segment to y.
    void scale(uint32_t i, const ColumnSegment& segment, uint32_t n, uint32_t columns,
               float* const* y, bool with_sums) {
        const Weights::State& weights = *operand(i).weights;
        const uint32_t n0 = segment.n0 + n;
        scratch_.parts.clear();
        for (const Contribution& part : segment.contributions)
            scratch_.parts.push_back(
                {.cube = cube(i, part.block, n0 - weights.block(part.block).n0),
                 .slice = part.slice,
                 .column_weights = weights.column_weights.data() + n0,
                 .sums = with_sums ? sums_of_block(i, part.block) : nullptr});
        tile_kernels().scale({.parts = scratch_.parts,
                              .surface = surface(),
                              .rows = piece_.rows,
                              .columns = columns,
                              .row_scales = scratch_.row_scales.data(),
                              .column_scales = weights.scales.data() + n0,
                              .past_cache = !target_.write && panel_.y_is_large(operand_)},
                             y);
    }

    void to_rows(bool with_sums) {
        std::vector<float*>& rows = scratch_.rows[0];
        rows.resize(piece_.rows);
        for (const ColumnSegment& segment : plans().segments()) {
            for (uint32_t i = 0; i < piece_.rows; ++i)
                rows[i] = panel_.y_row(target_, row0_ + i) + segment.n0;
            scale(0, segment, 0, segment.n, rows.data(), with_sums);
            if (with_sums) add_padding(0, segment);
        }
    }

    /// Columns beyond N are part of the tile and of its sums.
    void add_padding(uint32_t i, const ColumnSegment& segment) {
        const Weights::State& weights = *operand(i).weights;
        const uint32_t end = align_up(segment.n0 + segment.n, k_atom_columns);
        for (const Contribution& part : segment.contributions) {
            const compile::WeightBlock& block = weights.block(part.block);
            if (segment.n0 + segment.n != static_cast<uint32_t>(weights.shape.n)) return;
            tile_kernels().weighted_sums(cube(i, part.block, end - block.n0), surface(),
                                         piece_.rows, block.n0 + block.n - end,
                                         weights.column_weights.data() + end,
                                         sums_of_block(i, part.block));
        }
    }

    /// A group of rows may lie in two pieces, which are two threads' work.
    void add_to_groups() {
        for (uint32_t i = 0; i < count_; ++i)
            for (uint32_t r = 0; r < plans().ranges().size(); ++r) {
                uint32_t* const of_range = (*group_sums_)[i].data() + r * panel_.groups();
                const uint32_t* sum = sums(i, r);
                for (uint32_t row = row0_; row < row0_ + piece_.rows; ++row, sum += k_atom_columns)
                    std::atomic_ref(of_range[row / k_group_rows])
                        .fetch_add(row_weight(row) * (sum[0] + sum[1] + sum[2] + sum[3]),
                                   std::memory_order_relaxed);
            }
    }

    void to_function(bool with_sums) {
        for (uint32_t i = 0; i < count_; ++i) {
            scratch_.values[i].resize(size_t{k_rows_at_once} * k_strip_columns);
            scratch_.rows[i].resize(piece_.rows);
            for (uint32_t row = 0; row < piece_.rows; ++row)
                scratch_.rows[i][row] = scratch_.values[i].data() + size_t{row} * k_strip_columns;
        }
        for (const ColumnSegment& segment : plans().segments()) {
            for (uint32_t n = 0; n < segment.n; n += k_strip_columns) {
                const uint32_t columns = std::min(k_strip_columns, segment.n - n);
                for (uint32_t i = 0; i < count_; ++i)
                    scale(i, segment, n, columns, scratch_.rows[i].data(), with_sums);
                target_.write({.m0 = panel_.rows_.first + row0_,
                               .rows = piece_.rows,
                               .n0 = segment.n0 + n,
                               .n = columns,
                               .y = scratch_.rows[0][0],
                               .second = count_ == 2 ? scratch_.rows[1][0] : nullptr,
                               .stride = k_strip_columns});
            }
            for (uint32_t i = 0; with_sums && i < count_; ++i) add_padding(i, segment);
        }
    }

    const Int8Panel& panel_;
    UnpackScratch& scratch_;
    const uint32_t operand_, count_;
    const Output& target_;
    const Part& piece_;
    const compile::Rows& range_;
    const uint32_t row0_;
    GroupSums* const group_sums_;
};

bool Int8Panel::y_is_large(uint32_t o) const {
    return uint64_t{m()} * static_cast<uint64_t>(operands_[o].weights->shape.n) * sizeof(float) >
           k_past_cache_bytes;
}

/// Unpacks what is not done yet. `sums`: as Unpacker.
void Int8Panel::unpack_pieces(uint32_t o, std::vector<Part>& pieces, GroupSums* sums) {
    parallel_for_(static_cast<int64_t>(pieces.size()), [&](int64_t begin, int64_t end) {
        for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
            if (pieces[i].done) continue;
            unpack_part(o, pieces[i], sums);
            pieces[i].done = true;
        }
        finish_writes();
    });
}

/// Every tile that has a part in a wrong sum; its pieces are not done.
std::vector<TileRef> Int8Panel::suspects(uint32_t o, const GroupSums& sums,
                                         std::vector<Part>& pieces) const {
    std::set<std::pair<uint32_t, uint32_t>> found;  // operand, tile
    for (uint32_t i = o; i < o + sums.size(); ++i)
        for (uint32_t s = 0; s < sums[i - o].size(); ++s) {
            if (sums[i - o][s] == expected_[i][s]) continue;
            const uint32_t begin = s % groups() * k_group_rows, end = begin + k_group_rows;
            const compile::Plan& plan = operands_[i].plan->plan;
            const auto overlaps = [&](uint32_t m0, uint32_t m) { return m0 < end && begin < m0 + m; };
            for (uint32_t t = 0; t < plan.tiles.size(); ++t)
                if (operands_[i].weights->plans->range_of(plan.tiles[t].block) == s / groups() &&
                    overlaps(plan.tiles[t].m0, plan.tiles[t].m))
                    found.emplace(i, t);
            for (Part& piece : pieces)
                if (overlaps(plan.row_ranges[piece.range].m0 + piece.first, piece.rows))
                    piece.done = false;
        }
    std::vector<TileRef> tiles;
    for (const auto& [operand, tile] : found) tiles.push_back({operand, tile});
    return tiles;
}

/// Tiles whose own sums are wrong. Were none, something else changed meanwhile: then all are.
std::vector<TileRef> Int8Panel::wrong_among(std::vector<TileRef> suspects) const {
    std::vector<TileRef> wrong;
    for (const TileRef& ref : suspects)
        if (!sums_match(ref, operands_[ref.operand].cubes[ref.tile])) wrong.push_back(ref);
    return wrong.empty() ? suspects : wrong;
}

std::vector<Int8Panel::Part> Int8Panel::parts_of(uint32_t o, uint32_t rows_at_once) const {
    std::vector<Part> parts;
    const auto& ranges = operands_[o].plan->plan.row_ranges;
    for (uint32_t r = 0; r < ranges.size(); ++r)
        for (uint32_t first = 0; first < ranges[r].m; first += rows_at_once)
            parts.push_back({r, first, std::min(rows_at_once, ranges[r].m - first)});
    return parts;
}

Int8Panel::GroupSums Int8Panel::no_sums(uint32_t o) const {
    GroupSums sums;
    for (uint32_t i = o; i < o + (operands_[o].target->second ? 2 : 1); ++i)
        sums.emplace_back(expected_[i].size(), 0u);
    return sums;
}

void Int8Panel::unpack_part(uint32_t o, const Part& part, GroupSums* sums) const {
    Unpacker(*this, o, part, sums).run();
}

void Int8Panel::unpack(uint32_t o) {
    std::vector<Part> pieces = parts_of(o, k_rows_at_once);
    if (device_.options.verify != Verify::Checksum) return unpack_pieces(o, pieces, nullptr);

    GroupSums sums = no_sums(o);
    unpack_pieces(o, pieces, &sums);
    std::vector<TileRef> tiles = suspects(o, sums, pieces);
    if (tiles.empty()) return;
    mend(wrong_among(std::move(tiles)));
    // Repaired tiles have been proved, and of the others every row of these pieces.
    unpack_pieces(o, pieces, nullptr);
}

}  // namespace rosenblatt::matmul
