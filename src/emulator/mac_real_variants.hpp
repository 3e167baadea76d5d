// SPDX-License-Identifier: MIT
// The floating-point multipliers for particular instruction sets: each appends itself where this
// CPU has them, and is empty on other architectures.
#pragma once

#include <vector>

#include "emulator/mac_real.hpp"

namespace rosenblatt::emulator {

inline constexpr size_t k_longest_run = 32;
inline constexpr size_t k_spreads = 1 + k_real_kernels;  ///< the worst, then every kernel's own

/// The sums of one run for one pixel and `count` kernels, whatever the exponents: kernels whose
/// spread is at most `allowed` are right already. `weights`: [channel][k_real_kernels].
void sum_run_exactly(const double* pixel, const double* weights, size_t channels,
                     const uint8_t* weight_spread, int allowed, size_t count, float* sums);

void add_avx512_variant(std::vector<RealVariant>& variants);
void add_avx2_variant(std::vector<RealVariant>& variants);

}  // namespace rosenblatt::emulator
