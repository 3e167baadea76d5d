// SPDX-License-Identifier: MIT
// Searches wider than a packed model can use: the marks that plans are held against.
#pragma once

#include "base/result.hpp"
#include "compile/plan.hpp"

namespace rosenblatt::compile {

/// The fewest DMA bytes of any legal tiling of C[M][N] = A[M][K] * W[N][K]^T, however slow, however
/// many lanes, and whatever the K-slices. One lane suffices for the search: a plan's tasks move the
/// same bytes when one lane runs them all.
uint64_t least_dma_bytes(const MatmulShape& shape, NumberType type, const Limits& limits);

/// The fastest plan under the fitted model that any legal tiling reaches: more cuts than
/// tiling_for tries, each clock and M for itself. Without slice_ends in `request` K may be cut
/// anywhere (F16 excepted).
Result<Plan> fastest_plan(uint32_t m, const TilingRequest& request, const Conditions& conditions);

/// The matmul as a vendor's benchmark runs it: one core, as few tasks as the CBUF allows, K cut
/// only where it must be, all tasks in one kick. Its npu_ns is what such a benchmark measures.
Result<Plan> bare_plan(const MatmulShape& shape, NumberType type, const Conditions& conditions);

}  // namespace rosenblatt::compile
