// SPDX-License-Identifier: MIT
// ggml's backend interface, and the one place that knows how its versions differ.
//
// The loader demands that our version equals its own. Compiled against a tree's own headers, the
// tables are filled member by member: members that a version adds (3: alloc_buffer_n and
// get_alloc_size_n of a buffer type; 6: drops those two for get_alloc_interface and appends
// `binding` to the buffer, which ggml_backend_buffer_init makes) are optional and stay null.
// Compiled against API 2, one library also serves API 3, as Debian's ggml 0.27 has it: ggml.h is
// the same there but for comments, and of the tables we fill only the buffer type's grew.
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

#if GGML_BACKEND_API_VERSION == 2
/// Only API 3 has it; null under a loader of API 2.
extern "C" __attribute__((weak)) ggml_backend_buffer_t ggml_backend_buft_alloc_buffer_n(
    ggml_backend_buffer_type_t type, ggml_tensor** tensors, int count);

/// API 3's table of a buffer type.
struct BufferType3 {
    const char* (*get_name)(ggml_backend_buffer_type_t);
    ggml_backend_buffer_t (*alloc_buffer)(ggml_backend_buffer_type_t, size_t);
    void* alloc_buffer_n;  // optional
    size_t (*get_alignment)(ggml_backend_buffer_type_t);
    size_t (*get_max_size)(ggml_backend_buffer_type_t);
    size_t (*get_alloc_size)(ggml_backend_buffer_type_t, const ggml_tensor*);
    void* get_alloc_size_n;  // optional
    bool (*is_host)(ggml_backend_buffer_type_t);
    ggml_backend_dev_t device;
    void* context;
};

inline bool loader_has_api_3() {
    return ggml_backend_buft_alloc_buffer_n != nullptr;
}

/// The same buffer type in API 3's layout.
inline BufferType3 widened(const ggml_backend_buffer_type& type) {
    const ggml_backend_buffer_type_i& i = type.iface;
    return {i.get_name,       i.alloc_buffer, nullptr,   i.get_alignment, i.get_max_size,
            i.get_alloc_size, nullptr,        i.is_host, type.device,     type.context};
}

inline int version() {
    return loader_has_api_3() ? 3 : GGML_BACKEND_API_VERSION;
}

/// `type`, which must live for ever, as the loader in this process reads it.
inline ggml_backend_buffer_type_t for_loader(ggml_backend_buffer_type& type) {
    if (!loader_has_api_3()) return &type;
    return reinterpret_cast<ggml_backend_buffer_type_t>(new BufferType3(widened(type)));
}
#else
inline int version() {
    return GGML_BACKEND_API_VERSION;
}

inline ggml_backend_buffer_type_t for_loader(ggml_backend_buffer_type& type) {
    return &type;
}
#endif

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
