// SPDX-License-Identifier: MIT
// ggml's backend interface, and the one place that knows how its versions differ.
//
// The loader demands that our version equals its own, so this library is compiled against the very
// tree that will load it. The interface tables are filled member by member: members that a version
// adds (3: alloc_buffer_n, get_alloc_size_n and a parameter of graph_optimize; 6: drops those two
// for get_alloc_interface and appends `binding` to the buffer, which ggml_backend_buffer_init
// makes) are optional and stay null, so most differences need no line of code here.
#pragma once

#include <ggml-backend-impl.h>
#include <ggml-backend.h>
#include <ggml-cpu.h>
#include <ggml-impl.h>
#include <ggml.h>

#if GGML_BACKEND_API_VERSION < 2
#error \
    "ggml's backend API 1 is too old: nodes have no COMPUTE flag there; give llama.cpp v0.5.0 or later"
#endif

namespace rosenblatt::ggml::api {

/// What llama.cpp promises about an operation's precision. Both stand in op_params of MUL_MAT and
/// MUL_MAT_ID; ggml.h documents the setters (ggml_prec_set_acc, ggml_prec_set_src) but no getters.
inline ggml_prec accumulator_precision(const ggml_tensor& node) {
    return static_cast<ggml_prec>(node.op_params[0]);
}

inline ggml_prec activation_precision(const ggml_tensor& node) {
    return static_cast<ggml_prec>(node.op_params[3]);
}

/// The weight is a Hadamard matrix that ggml multiplies by its own fast transform.
inline bool is_hadamard(const ggml_tensor& node) {
    return node.op == GGML_OP_MUL_MAT && node.op_params[1] == GGML_HINT_SRC0_IS_HADAMARD;
}

/// Nodes without the flag belong to branches that this evaluation does not need.
inline bool is_computed(const ggml_tensor& node) {
    return (node.flags & GGML_TENSOR_FLAG_COMPUTE) != 0;
}

/// NONE, RESHAPE, VIEW, PERMUTE and TRANSPOSE only name memory.
inline bool only_names_memory(ggml_op op) {
    return ggml_op_is_empty(op);
}

/// Nodes [begin, end) as a graph of their own. The copy keeps the use counts, so that the CPU
/// backend sees which of its fusions are allowed, whatever else a version's graph holds.
inline ggml_cgraph view(const ggml_cgraph& graph, int begin, int end) {
    ggml_cgraph part = graph;
    part.size = 0;
    part.nodes = graph.nodes + begin;
    part.n_nodes = end - begin;
    part.leafs = nullptr;
    part.n_leafs = 0;
    part.grads = nullptr;
    part.grad_accs = nullptr;
    part.uid = 0;
    return part;
}

}  // namespace rosenblatt::ggml::api
