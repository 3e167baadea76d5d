// SPDX-License-Identifier: MIT
// Results that are not written but handed over a few rows at a time, when another product packs its
// X. Their checksums are taken on the way, as unpack.cpp takes them.
#include "matmul/int8_panel.hpp"

namespace rosenblatt::matmul {
namespace {

/// Two cache lines of every surface. Eight rows of 8960 floats stay in a second-level cache of half
/// a megabyte until they are packed; sixteen would not.
constexpr uint32_t k_rows_of_block = 8;

}  // namespace

void Int8Panel::cut_into_blocks() {
    parts_ = parts_of(0, k_rows_of_block);
    for (const Part& part : parts_)
        blocks_.push_back({operands_[0].plan->plan.row_ranges[part.range].m0 + part.first,
                           static_cast<int64_t>(part.rows)});
    handed_over_ = std::vector<std::atomic<bool>>(parts_.size());
    sums_ = no_sums(0);
}

/// Several threads may ask for one block; its sums are taken once.
void Int8Panel::hand_over(size_t block) {
    const bool again = handed_over_[block].exchange(true);
    const bool sums = device_.options.verify == Verify::Checksum && !confirmed_ && !again;
    unpack_part(0, parts_[block], sums ? &sums_ : nullptr);
}

bool Int8Panel::confirm() {
    if (device_.options.verify != Verify::Checksum || confirmed_) return true;
    confirmed_ = true;
    std::vector<TileRef> tiles = suspects(0, sums_, parts_);
    if (tiles.empty()) return true;
    mend(wrong_among(std::move(tiles)));
    return false;
}

}  // namespace rosenblatt::matmul
