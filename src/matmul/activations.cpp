// SPDX-License-Identifier: MIT
// One pass over X: rotate, quantise, write into each lane's feature cube, and compute what the sums
// of each row's results must be while the codes are at hand.
#include <algorithm>
#include <atomic>

#include "base/bits.hpp"
#include "matmul/int8_panel.hpp"
#include "matmul/tile_kernels.hpp"
#include "quant/int8.hpp"

namespace rosenblatt::matmul {
namespace {

constexpr uint32_t k_rows_at_once = 16;  // four cache lines of every surface
/// Rows of codes do not fall on the same sets of the first-level cache.
constexpr size_t k_stride_extra = 64;

/// What a thread needs for k_rows_at_once rows; kept from call to call.
struct PackScratch {
    std::vector<float> given, rotated;
    std::vector<int8_t> codes;
    size_t stride = 0;

    void fit(const quant::RowFormat& format) {
        const auto k = static_cast<size_t>(format.k_padded);
        stride = k + k_stride_extra;
        if (rotated.size() < k) given.resize(k);
        if (rotated.size() < k) rotated.resize(k);
        if (codes.size() < stride * k_rows_at_once) codes.resize(stride * k_rows_at_once);
    }
};

}  // namespace

void Int8Panel::expect(size_t o) {
    expected_[o].resize(operands_[o].weights->plans->ranges().size() * groups());
}

/// What the sums of every channel range must be for `rows` rows of codes from row `first` on, and
/// for the rows of zeros that complete their last group.
void Int8Panel::expect_sums(const int8_t* codes, size_t stride, uint32_t first, uint32_t rows) {
    const TileKernels& kernels = tile_kernels();
    for (size_t o = 0; o < operands_.size(); ++o) {
        const Weights::State& weights = *operands_[o].weights;
        const auto& ranges = weights.plans->ranges();
        for (size_t r = 0; r < ranges.size(); ++r) {
            uint32_t* expected = expected_[o].data() + r * groups() + first / k_group_rows;
            const int16_t* halves = weights.range_halves[r].data();
            for (uint32_t i = 0; i < rows; i += k_group_rows)
                *expected++ = kernels.group_sum(codes + i * stride + ranges[r].k0, stride,
                                                   halves, ranges[r].k);
        }
    }
}

void Int8Panel::write_features(const int8_t* codes, size_t stride, uint32_t rows, uint32_t first,
                               const LaneRun& run) const {
    tile_kernels().write_features(codes, stride, rows, run.k, first, m(), run.a.as<int8_t>());
}

Outcome Int8Panel::quantise(std::span<LaneRun> runs, bool with_checksums) {
    const quant::RowFormat& f = format();
    const auto slices = static_cast<size_t>(f.slices());
    std::atomic<bool> out_of_range{false};

    const auto rows_of = [&](int64_t begin, int64_t end) {
        static thread_local PackScratch scratch;
        scratch.fit(f);
        for (int64_t group = begin; group < end && !out_of_range; ++group) {
            const auto first = static_cast<uint32_t>(group) * k_rows_at_once;
            const uint32_t rows = std::min(k_rows_at_once, m() - first);
            for (uint32_t i = 0; i < rows; ++i) {
                const auto check = quant::quantise_row(
                    f, false, x_row(first + i, scratch.given.data()), scratch.rotated.data(),
                    scratch.codes.data() + i * scratch.stride,
                    row_scales_.data() + (first + i) * slices);
                if (check != quant::RowCheck::Good) out_of_range = true;
            }
            for (const LaneRun& run : runs)
                write_features(scratch.codes.data() + run.k0, scratch.stride, rows, first, run);
            if (!with_checksums) continue;
            for (uint32_t i = rows; i % k_group_rows != 0; ++i)
                std::fill_n(scratch.codes.data() + i * scratch.stride, f.k_padded, int8_t{0});
            expect_sums(scratch.codes.data(), scratch.stride, first, rows);
        }
        finish_writes();
    };
    parallel_for_(div_round_up(m(), k_rows_at_once), rows_of);
    return out_of_range ? Outcome::OutOfRange : Outcome::Done;
}

}  // namespace rosenblatt::matmul
