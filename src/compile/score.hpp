// SPDX-License-Identifier: MIT
// Scoring model v1: a fixed yardstick for plans, whoever made them. The fitted model is npu/timing.
#pragma once

#include "compile/plan.hpp"

namespace rosenblatt::compile {

/// Bytes a task moves: weights and features unless reused, and its int32 or fp32 output.
uint64_t dma_bytes(const Tile& tile, NumberType type);

/// The slowest lane's tasks, 30 us each on top, and 54 us for each of its submits.
double score_ns(const Plan& plan);

/// MACs of the shape over what all lanes' arrays could do in `score_ns`.
double mac_utilisation(const Plan& plan);

}  // namespace rosenblatt::compile
