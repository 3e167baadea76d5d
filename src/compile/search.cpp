// SPDX-License-Identifier: MIT
// The wide searches: bytes by dynamic programming over K, time by trying every cut.
#include "compile/search.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "base/bits.hpp"
#include "compile/planner.hpp"
#include "compile/tiling.hpp"

namespace rosenblatt::compile {
namespace {

constexpr uint64_t k_never = std::numeric_limits<uint64_t>::max() / 4;

/// What the closed runtime gives native int8 features, which it fetches as one line of M pixels;
/// its times for K = 1024 and 2048 show it, and an independent library keeps the same bound
/// (docs/timing.md).
constexpr uint32_t k_native_data_banks = 4;

/// Bytes of one K range, over all M and N, when `banks` banks hold features. Either these stay
/// while all weights stream by, once per row range; or a column range's weights stay while all
/// features do. Going to and fro keeps one piece of the streamed operand over each turn.
uint64_t bytes_of_range(const MatmulShape& shape, uint32_t k, NumberType type, uint32_t banks,
                        const Limits& limits) {
    const uint64_t size = element_bytes(type);
    const uint64_t row = npu::cbuf_row_bytes(k * size);
    const uint64_t n = align_up(shape.n, k_unit);
    const uint64_t rows =
        std::min<uint64_t>({limits.max_m, shape.m, uint64_t{banks} * limits.bank_bytes / row});
    const uint64_t room = uint64_t{limits.cbuf_banks - banks} * limits.bank_bytes;
    if (rows == 0 || room < uint64_t{k_unit} * k) return k_never;
    const uint64_t columns = std::min(n, room / (k * size) / k_unit * k_unit);
    const uint64_t output = uint64_t{k_output_bytes} * shape.m * n;
    const uint64_t row_turns = div_round_up<uint64_t>(shape.m, rows) - 1;
    uint64_t bytes = k * size * (n + shape.m + row_turns * (n - columns));
    if (columns > 0) {
        const uint64_t column_turns = div_round_up(n, columns) - 1;
        bytes = std::min(bytes, k * size * (n + shape.m + column_turns * (shape.m - rows)));
    }
    return bytes + output;
}

/// Cuts that tiling_for does not try as well: finer in N, so that a block may stay in the CBUF.
std::vector<TilingChoice> wide_choices(NumberType type, const Limits& limits) {
    std::vector<TilingChoice> all;
    for (uint32_t pieces = 1; pieces <= (type == NumberType::F16 ? 1U : 16U); ++pieces)
        for (uint32_t max_n = limits.max_n; max_n >= 128; max_n /= 2)
            for (const Snap snap : {Snap::Never, Snap::WhenNear, Snap::Always})
                for (const Deal deal : {Deal::ByColumns, Deal::ByChannels})
                    if (deal == Deal::ByChannels || snap == Snap::Never)
                        all.push_back({deal, pieces, snap, max_n});
    return all;
}

/// Tasks of the busiest lane for each row range.
uint32_t blocks_of_a_lane(const WeightTiling& tiling) {
    std::vector<uint32_t> blocks(tiling.request.lanes, 0);
    for (const WeightBlock& block : tiling.blocks) blocks[block.lane] += 1;
    return *std::max_element(blocks.begin(), blocks.end());
}

/// Keeps the better of `best` and every order and cut of rows of one tiling.
void try_tiling(Plan& best, uint32_t m, const WeightTiling& tiling, const Conditions& conditions) {
    const uint32_t most = tiling.blocks.empty() ? 0 : most_rows(tiling);
    if (most == 0) return;
    const uint32_t fewest = div_round_up(m, most);
    const double kicks_ns = blocks_of_a_lane(tiling) * npu::task_time({}, conditions.machine).kick;
    for (uint32_t count = fewest; count <= std::min(m, 2 * fewest + 4); ++count) {
        if (!best.tiles.empty() && count * kicks_ns >= best.time_ns) return;
        for (const std::vector<Rows>& ranges : row_cuts(m, count, tiling, conditions.layout_a)) {
            for (const Order order : {Order::RowsFirst, Order::BlocksFirst}) {
                Plan plan = build_plan(tiling, conditions, ranges, order);
                if (best.tiles.empty() || plan.time_ns < best.time_ns) best = std::move(plan);
            }
        }
    }
}

}  // namespace

uint64_t least_dma_bytes(const MatmulShape& shape, NumberType type, const Limits& limits) {
    const uint32_t units = div_round_up(shape.k, k_unit);
    const uint32_t longest = std::min(units, limits.max_k / k_unit);
    std::vector<uint64_t> of_range(longest + 1, k_never);
    for (uint32_t u = 1; u <= longest; ++u)
        for (uint32_t banks = 1; banks < limits.cbuf_banks && banks <= limits.max_data_banks;
             ++banks)
            of_range[u] =
                std::min(of_range[u], bytes_of_range(shape, u * k_unit, type, banks, limits));
    std::vector<uint64_t> least(units + 1, k_never);
    least[0] = 0;
    for (uint32_t u = 1; u <= units; ++u)
        for (uint32_t last = 1; last <= std::min(u, longest); ++last)
            least[u] = std::min(least[u], least[u - last] + of_range[last]);
    return least[units];
}

Result<Plan> fastest_plan(uint32_t m, const TilingRequest& request, const Conditions& conditions) {
    Plan best;
    for (const TilingChoice& choice : wide_choices(request.type, request.limits))
        try_tiling(best, m, cut(request, choice), conditions);
    if (best.tiles.empty()) return Error{EINVAL, "no legal tiling of this shape was found"};
    return best;
}

Result<Plan> bare_plan(const MatmulShape& shape, NumberType type, const Conditions& conditions) {
    TilingRequest request;
    request.k = shape.k;
    request.n = shape.n;
    request.type = type;
    request.lanes = 1;
    request.limits.max_m = 2047;  // the fields' own limits: benchmarks go there
    request.limits.max_k = 10752;
    request.limits.max_n = 8192;
    request.limits.max_job_ns = std::numeric_limits<double>::infinity();
    if (type == NumberType::Int8 && conditions.layout_a == Layout::Native)
        request.limits.max_data_banks = k_native_data_banks;
    Plan best;
    for (uint32_t pieces = 1; pieces <= div_round_up(shape.k, k_unit); ++pieces) {
        if (best.tiles.size() == 1 || (!best.tiles.empty() && pieces > best.tiles.size())) break;
        const TilingChoice choice{Deal::ByColumns, pieces, Snap::Never, request.limits.max_n};
        const WeightTiling tiling = cut(request, choice);
        const uint32_t most = tiling.blocks.empty() ? 0 : most_rows(tiling);
        if (most == 0) continue;
        uint32_t count = div_round_up(shape.m, most);
        while (!fits(tiling, cut_rows(shape.m, count, most), conditions.layout_a)) ++count;
        Plan plan =
            build_plan(tiling, conditions, cut_rows(shape.m, count, most), Order::RowsFirst);
        if (best.tiles.empty() || plan.tiles.size() < best.tiles.size()) best = std::move(plan);
    }
    if (best.tiles.empty()) return Error{EINVAL, "no legal tiling of this shape was found"};
    // The vendor's kernel starts the first task; the PC follows the links to the others.
    for (size_t i = 1; i < best.tiles.size(); ++i)
        best.npu_ns -=
            npu::task_time(task_work(best.tiles[i], type, request.limits), best.conditions.machine)
                .kick;
    return best;
}

}  // namespace rosenblatt::compile
