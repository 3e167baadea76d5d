// SPDX-License-Identifier: MIT
// The wide search against one that shares no code with it: every lane computes one rectangle of
// C's sum, cut into any number of pieces in M, K and N, run in any order of the three loops. Only
// the clock (npu::task_ns) and the CBUF's rules are the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include "base/bits.hpp"
#include "compile/search.hpp"

namespace rosenblatt::compile {
namespace {

struct Range {
    uint32_t begin = 0, size = 0;
};

/// `total` in `pieces` parts of whole `unit`s that differ by at most one unit; the last ends at
/// total.
std::vector<Range> parts(uint32_t total, uint32_t unit, uint32_t pieces) {
    const uint32_t units = div_round_up(total, unit);
    std::vector<Range> ranges;
    for (uint32_t i = 0; i < pieces; ++i) {
        const auto at = [&](uint32_t p) {
            return std::min(total, static_cast<uint32_t>(uint64_t{units} * p / pieces) * unit);
        };
        if (at(i + 1) > at(i)) ranges.push_back({at(i), at(i + 1) - at(i)});
    }
    return ranges;
}

uint32_t largest(const std::vector<Range>& ranges) {
    uint32_t most = 0;
    for (const Range& range : ranges) most = std::max(most, range.size);
    return most;
}

using Cut = std::array<std::vector<Range>, 3>;  ///< of M, K and N

/// Bytes of A side by side where the DMA fetches four lines of a map at a time.
uint64_t run_of(uint64_t m) {
    const uint64_t width = npu::map_width(static_cast<uint32_t>(m));
    return std::min<uint64_t>(4, m / width) * width * 16;
}

/// Runs the cut's tasks in loop order `order` (outermost first), each loop to and fro.
double loop_ns(const Cut& cut, const std::array<int, 3>& order, uint64_t weight_room,
               const npu::Machine& machine) {
    double ns = 0;
    std::array<size_t, 3> at{}, before{~size_t{0}, ~size_t{0}, ~size_t{0}};
    std::array<size_t, 3> turns{};
    const std::array<size_t, 3> count{cut[order[0]].size(), cut[order[1]].size(),
                                      cut[order[2]].size()};
    for (size_t a = 0; a < count[0]; ++a, ++turns[0]) {
        for (size_t b = 0; b < count[1]; ++b, ++turns[1]) {
            for (size_t c = 0; c < count[2]; ++c) {
                at[order[0]] = a;
                at[order[1]] = turns[0] % 2 == 0 ? b : count[1] - 1 - b;
                at[order[2]] = turns[1] % 2 == 0 ? c : count[2] - 1 - c;
                const uint64_t m = cut[0][at[0]].size, k = cut[1][at[1]].size;
                const uint64_t n = cut[2][at[2]].size;
                const bool same_k = at[1] == before[1];
                const bool resident = same_k && at[2] == before[2] && k * n <= weight_room;
                ns += npu::task_ns({.rows = m,
                                    .tiles = k / 32,
                                    .groups = n / 32,
                                    .weight_bytes = resident ? 0 : k * n,
                                    .weight_capacity = weight_room,
                                    .feature_bytes = same_k && at[0] == before[0] ? 0 : m * k,
                                    .output_bytes = 4 * m * n,
                                    .feature_run = run_of(m)},
                                   machine);
                before = at;
            }
        }
    }
    return ns;
}

/// Banks that hold all of `ranges`' features, each map as wide as it may be.
uint64_t data_banks(const std::vector<Range>& m_parts, uint32_t k) {
    uint64_t most = 0;
    for (const Range& rows : m_parts) {
        const uint32_t width = npu::map_width(rows.size);
        most = std::max(most, npu::cbuf_data_banks(rows.size / width, uint64_t{width} * k));
    }
    return most;
}

/// The fastest way of one lane through m x k x n.
double lane_ns(uint32_t m, uint32_t k, uint32_t n, const npu::Machine& machine) {
    const Limits limits;
    double best = INFINITY;
    for (uint32_t ks = 1; ks <= std::min(k / 32, 12U); ++ks) {
        const auto k_parts = parts(k, 32, ks);
        if (largest(k_parts) > limits.max_k) continue;
        for (const uint32_t ns : {1U, 2U, 3U, 4U, 6U, 8U, 12U, 16U, 32U}) {
            const auto n_parts = parts(n, 32, ns);
            if (largest(n_parts) > limits.max_n) continue;
            for (uint32_t ms = 1; ms <= std::min(m, 48U); ++ms) {
                if (30e3 * ms * ks * ns > 2 * best) break;  // kicks alone
                for (const uint32_t unit : {1U, 4U, 16U}) {
                    const auto m_parts = parts(m, unit, ms);
                    const uint64_t banks = data_banks(m_parts, largest(k_parts));
                    const uint64_t room = banks < 12 ? (12 - banks) * 32768 : 0;
                    if (largest(m_parts) > limits.max_m || room < 32ULL * largest(k_parts))
                        continue;
                    const uint64_t bytes = uint64_t{m} * k + 4ULL * m * n * k_parts.size();
                    std::array<int, 3> order{0, 1, 2};
                    do {
                        best = std::min(best,
                                        loop_ns({m_parts, k_parts, n_parts}, order, room, machine) +
                                            npu::submit_ns() + npu::cache_maintenance_ns(bytes));
                    } while (std::next_permutation(order.begin(), order.end()));
                }
            }
        }
    }
    return best;
}

TEST(WideSearch, IsNeverSlowerThanAnyCutOfTheLanesRectangles) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 engine(seed);
    const auto between = [&engine](double low, double high) {  // evenly on a logarithmic scale
        return static_cast<uint32_t>(
            low * std::pow(high / low, static_cast<double>(engine()) / 4294967296.0));
    };
    for (int i = 0; i < 16; ++i) {
        const MatmulShape shape{between(1, 2049), between(32, 3000), between(32, 6000)};
        Conditions conditions;
        conditions.machine.clock_mhz = std::array{200.0, 600.0, 1000.0}[engine() % 3];
        const uint32_t k = align_up(shape.k, 32U), n = align_up(shape.n, 32U);
        const double by_columns =
            lane_ns(shape.m, k, div_round_up(n / 32, 3U) * 32, conditions.machine);
        const double by_channels =
            lane_ns(shape.m, div_round_up(k / 32, 3U) * 32, n, conditions.machine);
        const Plan plan = fastest_plan(shape.m, {.k = shape.k, .n = shape.n}, conditions).value();
        EXPECT_LE(plan.time_ns, 1.01 * std::min(by_columns, by_channels))
            << shape.m << " x " << shape.k << " x " << shape.n << " at "
            << conditions.machine.clock_mhz << " MHz";
    }
}

}  // namespace
}  // namespace rosenblatt::compile
