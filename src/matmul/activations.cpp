// SPDX-License-Identifier: MIT
// One pass over X: rotate, quantise, write into each lane's feature cube, and compute what the sums
// of every block's results must be while the codes are at hand.
#include <algorithm>
#include <atomic>

#include "compile/pack_features.hpp"
#include "matmul/checksum.hpp"
#include "matmul/int8_panel.hpp"
#include "quant/int8.hpp"

namespace rosenblatt::matmul {
namespace {

constexpr uint32_t k_rows_at_once = 8;  // two cache lines of every surface

}  // namespace

void Int8Panel::expect(size_t o) {
    expected_[o].resize(operands_[o].weights->plans->tiling().blocks.size() * m());
}

Outcome Int8Panel::quantise(std::span<LaneRun> runs, bool with_checksums) {
    const quant::RowFormat& f = format();
    const auto k = static_cast<uint32_t>(f.k_padded);
    const auto slices = static_cast<size_t>(f.slices());
    std::atomic<bool> out_of_range{false};

    const auto rows_of = [&](int64_t begin, int64_t end) {
        std::vector<float> scratch(k);
        std::vector<int8_t> codes(size_t{k_rows_at_once} * k);
        for (int64_t group = begin; group < end && !out_of_range; ++group) {
            const auto first = static_cast<uint32_t>(group) * k_rows_at_once;
            const uint32_t rows = std::min(k_rows_at_once, m() - first);
            for (uint32_t i = 0; i < rows; ++i) {
                const auto check = quant::quantise_row(f, false, x_[first + i], scratch.data(),
                                                       codes.data() + size_t{i} * k,
                                                       row_scales_.data() + (first + i) * slices);
                if (check != quant::RowCheck::Good) out_of_range = true;
            }
            for (const LaneRun& run : runs)
                compile::pack_features(codes.data() + run.k0, k, rows, run.k, first, m(),
                                       run.a.as<int8_t>());
            if (!with_checksums) continue;
            for (size_t o = 0; o < operands_.size(); ++o) {
                const Weights::State& weights = *operands_[o].weights;
                const auto& blocks = weights.plans->tiling().blocks;
                for (size_t b = 0; b < blocks.size(); ++b)
                    for (uint32_t i = 0; i < rows; ++i)
                        expected_[o][b * m() + first + i] =
                            expected_sum(codes.data() + size_t{i} * k + blocks[b].k0,
                                         weights.u[b].data(), blocks[b].k);
            }
        }
    };
    parallel_for_((m() + k_rows_at_once - 1) / k_rows_at_once, rows_of);
    return out_of_range ? Outcome::OutOfRange : Outcome::Done;
}

}  // namespace rosenblatt::matmul
