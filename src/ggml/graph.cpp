// SPDX-License-Identifier: MIT
#include "ggml/graph.hpp"

#include <chrono>

#include "ggml/buffer.hpp"
#include "ggml/session.hpp"

namespace rosenblatt::ggml {
namespace {

using Clock = std::chrono::steady_clock;

bool is_matmul(const ggml_tensor& node) {
    return (node.op == GGML_OP_MUL_MAT || node.op == GGML_OP_MUL_MAT_ID) && api::is_computed(node);
}

// An operation may write over a leaf: the KV cache, optimiser steps, in-place operations. Weights
// are never looked for in compute buffers, so results there, nearly all, need no look either.
void drop_tiles_under(const ggml_tensor& node) {
    ggml_backend_buffer_t buffer = node.view_src ? node.view_src->buffer : node.buffer;
    if (api::only_names_memory(node.op) || !api::is_computed(node) || !is_our_buffer(buffer))
        return;
    if (buffer->usage == GGML_BACKEND_BUFFER_USAGE_COMPUTE) return;
    Session::get().tiles().drop_for_operation(node);
}

}  // namespace

std::optional<Refusal> GraphRunner::refuse(const ggml_tensor& node, const MulMatShape& shape) {
    Session& session = Session::get();
    if (const auto refusal = unsuitable(node, session.options().pipeline)) return refusal;
    const ggml_tensor& weight = *node.src[0];
    if (session.tiles().is_written(weight)) return Refusal::WeightIsWritten;
    session.counters().eligible_macs += static_cast<uint64_t>(shape.macs());
    if (session.options().min_m) {
        if (shape.m < *session.options().min_m) return Refusal::FewRows;
        return std::nullopt;
    }
    const bool faster =
        TileStore::keeps(weight) && session.cost().npu_is_faster(shape, weight.type, *cpu_);
    if (!faster) return Refusal::Cost;
    return std::nullopt;
}

std::optional<Refusal> GraphRunner::run_on_npu(const ggml_tensor& node, const MulMatShape& shape) {
    Session& session = Session::get();
    matmul::Device* device = session.npu()->device();
    if (!device) return Refusal::NoDevice;
    const auto found = session.tiles_of(*device, *node.src[0], *cpu_);
    if (!found.tiles) return found.refusal;
    const auto parallel_for = [this](int64_t size, const matmul::LoopBody& body) {
        cpu_->parallel_for(size, body);
    };
    const Trace::Scope scope = session.trace().scope("npu", node);
    if (const auto refusal = mul_mat_.run(*device, node, *found.tiles, parallel_for))
        return refusal;
    session.counters().count_npu(node, shape);
    return std::nullopt;
}

ggml_status GraphRunner::run_on_cpu(const ggml_cgraph& graph, int begin, int end) {
    if (begin == end) return GGML_STATUS_SUCCESS;
    Session& session = Session::get();
    const Trace::Scope scope = session.trace().scope("cpu", *graph.nodes[begin]);
    const auto start = Clock::now();
    const ggml_status status = cpu_->compute(graph, begin, end);
    const auto time = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);
    session.counters().cpu_ops_us += static_cast<uint64_t>(time.count());
    return status;
}

ggml_status GraphRunner::compute(const ggml_cgraph& graph) {
    Session& session = Session::get();
    bool used_npu = false;
    int begin = 0;  // nodes [begin, i) wait for the CPU
    for (int i = 0; i < graph.n_nodes; ++i) {
        const ggml_tensor& node = *graph.nodes[i];
        drop_tiles_under(node);
        if (!is_matmul(node)) continue;
        const MulMatShape shape = mul_mat_shape(node);
        if (const auto refusal = refuse(node, shape)) {
            session.counters().count_refusal(*refusal);
            continue;
        }
        const ggml_status status = run_on_cpu(graph, begin, i);
        if (status != GGML_STATUS_SUCCESS) return status;
        if (cpu_->aborted()) return GGML_STATUS_ABORTED;
        begin = i;
        if (const auto refusal = run_on_npu(node, shape)) {
            session.counters().count_refusal(*refusal);
        } else {
            begin = i + 1;
            used_npu = true;
        }
    }
    if (used_npu) ++session.counters().npu_graphs;
    session.report_memory();
    return run_on_cpu(graph, begin, graph.n_nodes);
}

}  // namespace rosenblatt::ggml
