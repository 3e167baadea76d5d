// SPDX-License-Identifier: MIT
// tiling_for: weighs the cuts against each other under the conditions a packed matrix will meet.
#include <algorithm>
#include <array>
#include <limits>

#include "base/bits.hpp"
#include "compile/planner.hpp"
#include "compile/tiling.hpp"

namespace rosenblatt::compile {
namespace {

/// From a batch of drafts over short prompts and llama.cpp's default micro-batch to its largest.
constexpr std::array k_reference_rows{32U, 128U, 512U, 2048U};
/// Stock mainline, what field reports patch it to, the vendor kernel.
constexpr std::array k_reference_clocks_mhz{200.0, 600.0, 1000.0};
constexpr size_t k_references = k_reference_rows.size() * k_reference_clocks_mhz.size();

/// What the host's threads pack and unpack at, together: it decides between cuts that the NPU likes
/// about equally, because a K cut inside a slice makes the host read C once more.
constexpr double k_host_bandwidth = 15;  // bytes per ns

/// At the most columns and channels a task may have: 50 GB of int8 weights, four times what three
/// lanes can address. More would take minutes to weigh and could not run.
constexpr uint64_t k_most_blocks = 4096;

using Times = std::array<double, k_references>;

/// Fitted time and host passes under each reference; infinite where the tiling has no plan.
Times reference_times(const WeightTiling& tiling) {
    Times times;
    size_t i = 0;
    for (const uint32_t rows : k_reference_rows) {
        for (const double clock : k_reference_clocks_mhz) {
            Conditions conditions;
            conditions.machine = {.clock_mhz = clock, .lanes = tiling.request.lanes};
            const Result<Plan> plan = make_plan(rows, tiling, conditions, Effort::Quick);
            times[i++] =
                plan ? plan->time_ns + static_cast<double>(plan->host_bytes) / k_host_bandwidth
                     : std::numeric_limits<double>::infinity();
        }
    }
    return times;
}

/// How much slower than the best of each reference, at worst.
double regret(const Times& times, const Times& best) {
    double worst = 0;
    for (size_t i = 0; i < k_references; ++i) worst = std::max(worst, times[i] / best[i]);
    return worst;
}

Result<void> check(const TilingRequest& request) {
    if (request.k == 0 || request.n == 0)
        return Error{EINVAL, "a matrix without rows or columns has no tiling"};
    if (request.lanes == 0) return Error{EINVAL, "a tiling needs at least one lane"};
    const compile::Limits& limits = request.limits;
    const uint64_t blocks = div_round_up<uint64_t>(request.k, std::max(1U, limits.max_k)) *
                            div_round_up<uint64_t>(request.n, std::max(1U, limits.max_n));
    if (blocks > k_most_blocks)
        return Error{EINVAL, "a matrix of " + std::to_string(blocks) +
                                 " tiles is too large for the NPU; at most " +
                                 std::to_string(k_most_blocks) + " are planned"};
    uint32_t before = 0;
    for (const uint32_t end : request.slice_ends) {
        if (end <= before || end % k_unit != 0)
            return Error{EINVAL, "K-slices must end at ascending multiples of 32, not at " +
                                     std::to_string(end)};
        before = end;
    }
    if (before != 0 && before != align_up(request.k, k_unit))
        return Error{EINVAL, "the last K-slice must end at K padded to 32, not at " +
                                 std::to_string(before)};
    return {};
}

}  // namespace

Result<WeightTiling> tiling_for(const TilingRequest& request) {
    if (const Result<void> checked = check(request); !checked) return checked.error();
    std::vector<WeightTiling> tilings;
    std::vector<Times> times;
    Times best;
    best.fill(std::numeric_limits<double>::infinity());
    for (const TilingChoice& choice : choices(request)) {
        WeightTiling tiling = cut(request, choice);
        if (tiling.blocks.empty()) continue;
        times.push_back(reference_times(tiling));
        tilings.push_back(std::move(tiling));
        for (size_t i = 0; i < k_references; ++i) best[i] = std::min(best[i], times.back()[i]);
    }
    if (best.front() == std::numeric_limits<double>::infinity())
        return Error{EINVAL, "no tile of K = " + std::to_string(request.k) +
                                 " fits the CBUF: give the pipeline shorter K-slices"};
    size_t chosen = 0;
    for (size_t i = 1; i < tilings.size(); ++i)
        if (regret(times[i], best) < regret(times[chosen], best)) chosen = i;
    return std::move(tilings[chosen]);
}

}  // namespace rosenblatt::compile
