// SPDX-License-Identifier: MIT
#include "ggml/graph_order.hpp"

#include <algorithm>

#include "ggml/mul_mat.hpp"

namespace rosenblatt::ggml {
namespace {

// How far behind the first one the others stand: v comes about 15 nodes after q.
constexpr int k_reach = 64;

bool is_matmul(const ggml_tensor& node) {
    return node.op == GGML_OP_MUL_MAT || node.op == GGML_OP_MUL_MAT_ID;
}

const ggml_tensor* memory_of(const ggml_tensor* tensor) {
    return tensor->view_src ? tensor->view_src : tensor;
}

// Everything `node` reads is there before the nodes [first, last), and none of them writes it.
bool may_move_before(const ggml_cgraph& graph, const ggml_tensor& node, int first, int last) {
    for (int i = first; i < last; ++i) {
        const ggml_tensor* between = graph.nodes[i];
        const bool writes = !api::only_names_memory(between->op);
        for (const ggml_tensor* source : node.src) {
            if (!source) continue;
            if (source == between || (writes && memory_of(source) == memory_of(between)))
                return false;
        }
    }
    return true;
}

// Moves node `from` up to `place`; false where it may not pass what stands between. What works in
// place stays: it would overwrite what others still read.
bool move_up(ggml_cgraph& graph, int from, int place) {
    if (graph.nodes[from]->view_src) return false;
    if (!may_move_before(graph, *graph.nodes[from], place, from)) return false;
    std::rotate(graph.nodes + place, graph.nodes + from, graph.nodes + from + 1);
    return true;
}

// Matmuls that share X with the one at `first` follow it; gives where they end.
int gather_matmuls(ggml_cgraph& graph, int first) {
    const ggml_tensor& leader = *graph.nodes[first];
    int place = first + 1;
    for (int i = place; i < std::min(graph.n_nodes, first + k_reach); ++i) {
        const ggml_tensor& node = *graph.nodes[i];
        if (is_matmul(node) && share_x(leader, node) && move_up(graph, i, place)) ++place;
    }
    return place;
}

bool reads_one_of(const ggml_tensor& node, const ggml_cgraph& graph, int first, int end) {
    const auto is_source = [&node](const ggml_tensor* result) {
        return node.src[0] == result || node.src[1] == result;
    };
    return std::any_of(graph.nodes + first, graph.nodes + end, is_source);
}

// The additions and gates over the matmuls [first, end) follow them.
void gather_consumers(ggml_cgraph& graph, int first, int end) {
    int place = end;
    for (int i = place; i < std::min(graph.n_nodes, first + k_reach); ++i) {
        const ggml_tensor& node = *graph.nodes[i];
        const bool wanted = node.op == GGML_OP_ADD || node.op == GGML_OP_GLU;
        if (wanted && reads_one_of(node, graph, first, end) && move_up(graph, i, place)) ++place;
    }
}

}  // namespace

void put_matmuls_together(ggml_cgraph& graph) {
    for (int i = 0; i < graph.n_nodes; ++i) {
        if (!is_matmul(*graph.nodes[i])) continue;
        const int end = gather_matmuls(graph, i);
        gather_consumers(graph, i, end);
        i = end - 1;
    }
}

}  // namespace rosenblatt::ggml
