// SPDX-License-Identifier: MIT
// The proof of a tile: for every row m, sum over n of r[n]*C[m][n] = dot(A[m], u) modulo 2^32, with
// u = W^T r taken from the quantised matrix when it was packed. r[n] is odd, so no single wrong
// element hides; it differs per column, so exchanged columns and tiles do not cancel.
#pragma once

#include <cstdint>

namespace rosenblatt::matmul {

/// r[n] of column n of W, padding columns included.
uint32_t column_weight(int64_t n);

/// Rows of X that are proved by one sum, from a multiple of it on.
inline constexpr uint32_t k_group_rows = 4;
/// What row m counts in its group: odd and each another one, for the same reasons as r[n].
inline constexpr uint32_t row_weight(uint32_t m) {
    return 2 * (m % k_group_rows) + 1;
}

/// u[i] += r * codes[i]: one row of W into its block's vector.
void add_kernel(uint32_t r, const int8_t* codes, int64_t k, uint32_t* u);

/// dot(codes, u) modulo 2^32: what the weighted sum of one row's results must be.
uint32_t expected_sum(const int8_t* codes, const uint32_t* u, int64_t k);

/// sums[i] = sum over n of r[n]*C[i][n] for the m rows of an output cube [n/4][m][4]; n is a
/// multiple of 4, r has n entries.
void weighted_sums(const int32_t* cube, uint32_t m, uint32_t n, const uint32_t* r, uint32_t* sums);

/// No legal sum is this large (|C| <= K * 127^2 < 2^30), so a line that still holds it was never
/// written.
inline constexpr uint32_t k_poison = 0x81818181;
inline constexpr uint32_t k_poison_words = 16;  ///< one 64-byte cache line

void poison_line(int32_t* line);
bool poison_left(const int32_t* line);

}  // namespace rosenblatt::matmul
