// SPDX-License-Identifier: MIT
// Brings together what can run together: matmuls that share their activations, and behind them the
// additions and gates that read nothing but their results.
#pragma once

#include "ggml/api.hpp"

namespace rosenblatt::ggml {

/// Moves every matmul that shares X with an earlier one up behind it: q, k and v, gate and up; and
/// behind those the element-wise operations that can be fused with them. The scheduler asks before
/// it gives the results their memory, so what runs together may also be written together. The order
/// stays one in which every node follows what it reads.
void put_matmuls_together(ggml_cgraph& graph);

}  // namespace rosenblatt::ggml
