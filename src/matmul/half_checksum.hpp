// SPDX-License-Identifier: MIT
// The proof of an f16 tile: sum over n of r[n]*C[m][n] lies as near to dot(A[m], u), u = W^T r, as
// the roundings on the chip allow; and so for a second, unrelated r.
//
// How near is derived, not tuned. Notation: U = 2^-24 (half an ulp of fp32), D = 2^-53, G = k/32
// groups, S = sum over n, k of |r[n]| |a[k]| |w[n][k]| = dot(|A[m]|, v) with v = |W|^T |r|.
//   chip  (hardware.md 5.7) each group's exact sum is rounded once, then G groups are added in
//         order, the first to zero: a group's sum passes through at most G roundings, each a factor
//         within 1 +- U. So |C - exact| <= ((1+U)^G - 1) sum|a||w|; over the columns at most
//         G U (1 + 2^-14) S for G <= 512. Underflow adds nothing: all values are multiples of
//         2^-48, the product of two fp16 subnormals' units. Nothing overflows: |C| < 2^14 * 2^32.
//   host  r[n]*C and r[n]*w are exact in a double (25 + 24 bits); n additions for the tile's sum, n
//         for u, k + 1 roundings for the dot: at most (2n + k + 1) D (1 + 2^-14) S.
//   S     itself is computed with a relative error below (n + k + 1) D.
// Together: |difference| <= (1 + 2^-13) (G U + (2n + k + 8) D) S = T. Every |r| is in [1, 2), so S of
// the second r is at most twice that of the first, and 2 T is its tolerance.
//
// A right tile never fails. A wrong one passes only if its errors, weighted and together with the
// right roundings, stay below that: since |r| >= 1 a single wrong element hides at most 2 T, and in
// practice hardly more than T, as right roundings are far from their bound. In one sum over reals
// several wrong elements of a row cancel each other now and then; those that do so in both are as
// rare as two such accidents at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rosenblatt::matmul {

/// r[n], or what is computed with it: once for each of the two proofs.
struct HalfPair {
    double first = 0, second = 0;
};

/// r[n] for the f16 pipeline, from the column's 32-bit weight: a sign and 1 + a fraction of 24 bits.
HalfPair half_column_weight(uint32_t column_weight);

/// u and v of one block, over its k; v of the first r alone.
struct HalfSums {
    std::vector<HalfPair> u;
    std::vector<double> v;

    explicit HalfSums(size_t k = 0) : u(k), v(k) {}
    void clear();
};

/// Adds r * codes and |r| * |codes| of one row of W.
void add_half_kernel(HalfPair r, const uint16_t* codes, HalfSums& sums);

/// What a row's weighted sums must be, and how far the first may be away; the second twice as far.
struct HalfExpected {
    HalfPair sum;
    double tolerance = 0;

    /// False for a NaN, which is near to nothing.
    bool allows(const HalfPair& sums) const;
};

/// `a`: k values of a row of A; n: columns of the tile, padding included.
HalfExpected expected_half_sum(const float* a, const HalfSums& sums, size_t k, size_t n);

/// sums[i] = sum over n of r[n]*C[i][n] for the m rows of an output cube [n/4][m][4].
void weighted_half_sums(const float* cube, uint32_t m, uint32_t n, const HalfPair* r,
                        HalfPair* sums);

}  // namespace rosenblatt::matmul
