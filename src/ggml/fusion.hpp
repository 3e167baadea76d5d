// SPDX-License-Identifier: MIT
// Fusion: what is computed in the passes that pack X and unpack Y anyway: the norm before the
// matmuls that share X, and the additions and gates behind them. What stands between them is read
// by nobody else and never goes through memory.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ggml/api.hpp"

namespace rosenblatt::ggml {

/// X is RMS_NORM(source) * gain.
struct Norm {
    const ggml_tensor* source = nullptr;
    const ggml_tensor* gain = nullptr;  ///< K floats; null: 1
    float epsilon = 0;
};

/// A product, and what is added to it, in this order.
struct Term {
    size_t product = 0;  ///< of those that run together
    std::vector<const ggml_tensor*> addends;
};

/// Where a product goes, or two that a gate joins.
struct Target {
    Term first;
    std::optional<Term> second;
    const ggml_tensor* gate = nullptr;    ///< the GLU of first and second
    const ggml_tensor* result = nullptr;  ///< the tensor that is written
    int node = 0;                         ///< its place in the graph

    bool is_plain() const { return !gate && first.addends.empty(); }
};

struct Fusion {
    int begin = 0, end = 0;  ///< the nodes that it takes the place of
    std::optional<Norm> norm;
    std::vector<Target> targets;  ///< every product in one of them

    /// More than the matmuls themselves.
    bool is_any() const;
};

/// The matmuls `together`, which share X, without anything else.
Fusion unfused(const ggml_cgraph& graph, std::span<const int> together);

/// The place of the matmul that alone reads the gate which `fusion` ends in, so that both can be
/// computed back to back; -1: there is none.
int find_reader_of_gate(const ggml_cgraph& graph, const Fusion& fusion);

/// Nothing that `before` adds to its products is written by `after`.
bool is_safe_before(const Fusion& before, const Fusion& after);

/// The most that can be done with them. Nodes before `first` have been computed; the memory of all
/// results is known. Fused is only what has a single reader and is no output, and nothing that is
/// written then overlaps what is read: a fault's repair reads X and addends again.
Fusion find_fusion(const ggml_cgraph& graph, int first, std::span<const int> together);

}  // namespace rosenblatt::ggml
