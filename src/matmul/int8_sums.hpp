// SPDX-License-Identifier: MIT
// Checksum vectors of W while it is packed, for codes that are stored as int8 on the host.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "matmul/tile_kernels.hpp"
#include "matmul/weights_state.hpp"

namespace rosenblatt::matmul {

/// Sums modulo 2^32 come out the same in any order.
class Int8Sums {
  public:
    explicit Int8Sums(int64_t k_padded) : u_(static_cast<size_t>(k_padded), 0u) {}
    void add(const Weights::State& weights, uint32_t n, const int8_t* codes) {
        tile_kernels().add_kernel(weights.column_weights[n], codes, weights.format.k_padded,
                                  u_.data());
    }
    void flush(Weights::State& weights, uint32_t b) const {
        const compile::WeightBlock& block = weights.block(b);
        for (uint32_t i = 0; i < block.k; ++i) weights.u[b][i] += u_[block.k0 + i];
    }
    void clear() { std::fill(u_.begin(), u_.end(), 0u); }

  private:
    std::vector<uint32_t> u_;
};

}  // namespace rosenblatt::matmul
