// SPDX-License-Identifier: MIT
// The host's passes over activations and results on one thread, as the engine runs them: rows to
// cubes, cubes to rows, and what the checksum adds. Working sets are 64 MiB or more.
#include <algorithm>
#include <random>
#include <vector>

#include "against_memcpy.hpp"
#include "matmul/checksum.hpp"
#include "matmul/tile_kernels.hpp"
#include "quant/int8.hpp"

namespace rosenblatt::bench {
namespace {

constexpr size_t k_working_set = 64u << 20;
constexpr uint32_t k_pack_rows = 16;    // as activations.cpp
constexpr uint32_t k_unpack_rows = 32;  // as unpack.cpp

/// Blocks of `height` rows of X, each with a feature cube per lane.
class Packing {
  public:
    Packing(uint32_t k, uint32_t lanes, uint32_t height)
        : format_(quant::row_format(Pipeline::W8A8H, k)),
          k_(k),
          lanes_(lanes),
          height_(height),
          blocks_(static_cast<uint32_t>(k_working_set / block_bytes() + 1)),
          x_(size_t{blocks_} * height * k * sizeof(float)),
          cubes_(size_t{blocks_} * lanes * height * k),
          rotated_(k),
          codes_(k_pack_rows * stride()),
          scales_(k_pack_rows * static_cast<size_t>(format_.slices())),
          halves_(lanes, std::vector<int16_t>(2 * k, 12345)),
          expected_(height / matmul::k_group_rows + 1) {
        std::mt19937 random(1);
        std::normal_distribution<float> gauss;
        for (size_t i = 0; i < x_.size() / sizeof(float); ++i) x_.as<float>()[i] = gauss(random);
    }

    size_t bytes() const { return blocks_ * block_bytes(); }
    double row_bytes() const { return static_cast<double>(block_bytes()) / height_; }

    /// `sums`: how many matrices the checksum is taken for.
    void run(size_t sums) {
        const TileKernels& kernels = tile_kernels();
        for (uint32_t b = 0; b < blocks_; ++b)
            for (uint32_t first = 0; first < height_; first += k_pack_rows) {
                const uint32_t rows = std::min(k_pack_rows, height_ - first);
                for (uint32_t i = 0; i < rows; ++i)
                    quant::quantise_row(
                        format_, false, x_.as<float>() + (size_t{b} * height_ + first + i) * k_,
                        rotated_.data(), codes_.data() + i * stride(), scales_.data());
                for (uint32_t lane = 0; lane < lanes_; ++lane)
                    kernels.write_features(
                        codes_.data(), stride(), rows, k_, first, height_,
                        cubes_.as<int8_t>() + (size_t{b} * lanes_ + lane) * height_ * k_);
                for (size_t s = 0; s < sums; ++s)
                    for (uint32_t i = 0; i < rows; i += matmul::k_group_rows)
                        expected_[(first + i) / matmul::k_group_rows] += kernels.group_sum(
                            codes_.data() + i * stride(), stride(), halves_[s % lanes_].data(), k_);
            }
    }

  private:
    using TileKernels = matmul::TileKernels;
    static const TileKernels& tile_kernels() { return matmul::tile_kernels(); }
    size_t block_bytes() const { return size_t{height_} * k_ * (sizeof(float) + lanes_); }
    size_t stride() const { return k_ + 64; }

    quant::RowFormat format_;
    uint32_t k_, lanes_, height_, blocks_;
    Memory x_, cubes_;
    std::vector<float> rotated_;
    std::vector<int8_t> codes_;
    std::vector<float> scales_;
    std::vector<std::vector<int16_t>> halves_;
    std::vector<uint32_t> expected_;
};

/// Blocks of `height` rows of results, `n` columns in `slices` cubes that add up, and their Y.
class Unpacking {
  public:
    Unpacking(uint32_t n, uint32_t slices, uint32_t height)
        : n_(n),
          slices_(slices),
          height_(height),
          blocks_(static_cast<uint32_t>(k_working_set / block_bytes() + 1)),
          cubes_(size_t{blocks_} * slices * height * n * sizeof(int32_t)),
          y_(size_t{blocks_} * height * n * sizeof(float)),
          row_scales_(size_t{slices} * k_unpack_rows * 4, 0.5F),
          column_scales_(n, 0.25F),
          column_weights_(n),
          sums_(size_t{slices} * k_unpack_rows * 4) {
        for (uint32_t i = 0; i < n; ++i) column_weights_[i] = matmul::column_weight(i);
    }

    size_t bytes() const { return blocks_ * block_bytes(); }
    double rows() const { return static_cast<double>(blocks_) * height_; }

    void run(bool with_sums) {
        std::vector<float*> rows(k_unpack_rows);
        std::vector<matmul::StripPart> parts(slices_);
        for (uint32_t b = 0; b < blocks_; ++b)
            for (uint32_t first = 0; first < height_; first += k_unpack_rows) {
                const uint32_t count = std::min(k_unpack_rows, height_ - first);
                for (uint32_t i = 0; i < count; ++i)
                    rows[i] = y_.as<float>() + (size_t{b} * height_ + first + i) * n_;
                for (uint32_t s = 0; s < slices_; ++s)
                    parts[s] = {.cube = cubes_.as<int32_t>() +
                                        (size_t{b} * slices_ + s) * height_ * n_ + first * 4,
                                .slice = s,
                                .column_weights = column_weights_.data(),
                                .sums = with_sums ? sums_.data() + s * k_unpack_rows * 4 : nullptr};
                matmul::tile_kernels().scale({.parts = parts,
                                              .surface = size_t{height_} * 4,
                                              .rows = count,
                                              .columns = n_,
                                              .row_scales = row_scales_.data(),
                                              .column_scales = column_scales_.data(),
                                              .past_cache = true},
                                             rows.data());
            }
    }

  private:
    size_t block_bytes() const { return size_t{height_} * n_ * 4 * (slices_ + 1); }

    uint32_t n_, slices_, height_, blocks_;
    Memory cubes_, y_;
    std::vector<float> row_scales_, column_scales_;
    std::vector<uint32_t> column_weights_, sums_;
};

void pack(benchmark::State& state) {
    Packing packing(static_cast<uint32_t>(state.range(0)), static_cast<uint32_t>(state.range(1)),
                    static_cast<uint32_t>(state.range(2)));
    against_memcpy(state, packing.bytes(), [&] { packing.run(0); });
}

void unpack(benchmark::State& state) {
    Unpacking unpacking(static_cast<uint32_t>(state.range(0)),
                        static_cast<uint32_t>(state.range(1)),
                        static_cast<uint32_t>(state.range(2)));
    against_memcpy(state, unpacking.bytes(), [&] { unpacking.run(true); });
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// The passes of one layer of Qwen2.5-1.5B in blocks of 176 rows, with and without checksums in
/// turn: q, k, v share one X, gate and up another. A row is proved once per matrix and channel
/// range; down has a range per K-slice.
void checksum_share(benchmark::State& state) {
    constexpr uint32_t k_height = 176, k_lanes = 3;
    struct Pack {
        Packing packing;
        size_t sums;
        double rows() const { return static_cast<double>(packing.bytes()) / packing.row_bytes(); }
    };
    Pack packs[] = {{{1536, k_lanes, k_height}, 3},
                    {{1536, k_lanes, k_height}, 1},
                    {{1536, k_lanes, k_height}, 2},
                    {{8960, 1, k_height}, 1}};
    Unpacking unpacks[] = {{2048, 1, k_height},
                           {1536, 1, k_height},
                           {8960, 1, k_height},
                           {8960, 1, k_height},
                           {1536, 6, k_height}};
    // Of each turn, because what disturbs a turn slows both of its halves; in percent of the time
    // without checksums.
    std::vector<double> packing, unpacking;
    bool first = false;
    for (auto _ : state) {
        const double started = cpu_seconds();
        first = !first;  // neither half always finds what the other left in the caches
        double pack[2] = {}, unpack[2] = {};
        for (Pack& each : packs)
            for (const bool with : {first, !first})
                pack[with] +=
                    seconds_of([&] { each.packing.run(with ? each.sums : 0); }) / each.rows();
        for (Unpacking& each : unpacks)
            for (const bool with : {first, !first})
                unpack[with] += seconds_of([&] { each.run(with); }) / each.rows();
        const double without = pack[false] + unpack[false];
        packing.push_back((pack[true] - pack[false]) / without * 100);
        unpacking.push_back((unpack[true] - unpack[false]) / without * 100);
        state.SetIterationTime(cpu_seconds() - started);
    }
    std::vector<double> both;
    for (size_t i = 0; i < packing.size(); ++i) both.push_back(packing[i] + unpacking[i]);
    state.counters["percent"] = median(both);
    state.counters["percent_pack"] = median(packing);
    state.counters["percent_unpack"] = median(unpacking);
}

// K or N of Qwen2.5-1.5B; lanes or K-slices; rows of a block.
BENCHMARK(pack)
    ->ArgNames({"k", "lanes", "rows"})
    ->Args({1536, 3, 176})
    ->Args({1536, 1, 176})
    ->Args({1536, 3, 512})
    ->Args({8960, 1, 176})
    ->UseManualTime()
    ->Iterations(41);
BENCHMARK(unpack)
    ->ArgNames({"n", "slices", "rows"})
    ->Args({8960, 1, 176})
    ->Args({1536, 1, 176})
    ->Args({8960, 1, 512})
    ->Args({1536, 6, 176})
    ->UseManualTime()
    ->Iterations(41);
BENCHMARK(checksum_share)->UseManualTime()->Iterations(50);

}  // namespace
}  // namespace rosenblatt::bench

BENCHMARK_MAIN();
