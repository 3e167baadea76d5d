// SPDX-License-Identifier: MIT
// The image of packed weights: everything that packing computes from W, as pieces of memory.
#pragma once

#include <string>

#include "matmul/weights_state.hpp"

namespace rosenblatt::matmul {

/// BO contents, scales, checksum vectors, in one order. All have their sizes before W is packed.
WeightShelf::Image image_of(Weights::State& weights);

/// What the bytes of an image depend on besides W: pipeline, shape, blocks and lanes, and the
/// version of the arithmetic.
std::string image_layout(const Weights::State& weights);

}  // namespace rosenblatt::matmul
