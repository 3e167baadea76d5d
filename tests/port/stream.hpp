// SPDX-License-Identifier: MIT
// The smallest real work for an NPU: one 32x32x32 int8 matmul with int32 results, its stream
// written word by word from the published register table, so that the contract tests need no
// compiler of ours.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace rosenblatt::port_test {

constexpr uint32_t k_side = 32;                           // M = K = N
constexpr uint32_t k_input_bytes = k_side * k_side;       // features and weights, int8
constexpr uint32_t k_output_bytes = 4 * k_side * k_side;  // int32

/// Stream of C = A * Bt. A is [K/16][M][16], B is [N][K], C is [N/4][M][4] at these IOVAs.
std::vector<uint64_t> matmul_stream(uint32_t a, uint32_t b, uint32_t c);

/// Operands that depend on `seed`, and what the NPU must answer, all in its layouts.
std::array<int8_t, k_input_bytes> make_features(uint32_t seed);
std::array<int8_t, k_input_bytes> make_weights(uint32_t seed);
std::array<int32_t, k_side * k_side> expected_output(
    const std::array<int8_t, k_input_bytes>& features,
    const std::array<int8_t, k_input_bytes>& weights);

}  // namespace rosenblatt::port_test
