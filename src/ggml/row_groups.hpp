// SPDX-License-Identifier: MIT
// RowGroups: which rows of a matmul's activations meet which matrix of its weight.
//
// ggml's shapes in our words: MUL_MAT has W[N][K] with ne = {K, N, A, B}, X[M][K] with
// ne = {K, M, A*a, B*b} and Y[M][N] with ne = {N, M, A*a, B*b}: each of the A*B matrices meets the
// M*a*b rows that broadcast over it. MUL_MAT_ID has experts W[E][N][K], X with ne = {K, 1 or U, T},
// ids {U, T} and Y with ne = {N, U, T}: row (u, t) of Y is row (u mod ne1, t) of X times expert
// ids[u, t].
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "ggml/api.hpp"
#include "ggml/refusal.hpp"

namespace rosenblatt::ggml {

struct RowGroups {
    struct Group {
        int64_t matrix = 0;  ///< of the weight, i2 fastest
        size_t first = 0;    ///< its rows are [first, first + count) of x and y
        size_t count = 0;
    };

    std::vector<const std::byte*> x;  ///< in src1's type
    std::vector<float*> y;
    std::vector<Group> groups;  ///< ascending matrices; only those that meet rows
};

/// Fills `rows`, whose memory is used again. The ids of MUL_MAT_ID are read, so everything before
/// `node` has been computed. A refusal: an id names no expert.
std::optional<Refusal> group_rows(const ggml_tensor& node, RowGroups& rows);

}  // namespace rosenblatt::ggml
