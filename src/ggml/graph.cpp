// SPDX-License-Identifier: MIT
#include "ggml/graph.hpp"

#include <algorithm>
#include <chrono>
#include <span>

#include "ggml/buffer.hpp"
#include "ggml/memory_overlap.hpp"
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
    Session::get().shadows().drop(node.data, ggml_nbytes(&node));
}

// One that reads activations and writes them, and does little else.
bool is_pass(const ggml_tensor& node) {
    switch (node.op) {
        case GGML_OP_ADD:
        case GGML_OP_MUL:
        case GGML_OP_NORM:
        case GGML_OP_RMS_NORM:
        case GGML_OP_GLU:
        case GGML_OP_UNARY:
        case GGML_OP_SCALE:
            return api::is_computed(node);
        default:
            return false;
    }
}

}  // namespace

std::optional<Refusal> GraphRunner::refuse(const ggml_tensor& node) {
    Session& session = Session::get();
    if (const auto refusal = unsuitable(node, session.pipeline_of(*node.src[0]))) return refusal;
    const ggml_tensor& weight = *node.src[0];
    if (session.tiles().is_written(weight)) return Refusal::WeightIsWritten;
    session.counters().eligible_macs += mul_mat_macs(node);
    const MulMatShape shape = mul_mat_shape(node);
    if (session.options().min_m) {
        if (shape.m < *session.options().min_m) return Refusal::FewRows;
        return std::nullopt;
    }
    const bool faster =
        TileStore::keeps(weight) && session.cost().npu_is_faster(shape, weight.type, *cpu_);
    if (!faster) return Refusal::Cost;
    return std::nullopt;
}

bool GraphRunner::accepts(const ggml_tensor& node) {
    drop_tiles_under(node);
    if (!is_matmul(node)) return false;
    const auto refusal = refuse(node);
    if (refusal) Session::get().counters().count_refusal(*refusal);
    return !refusal;
}

// The matmuls after `first`, an accepted one, that share its X, as far as nothing but names of
// memory stands between.
void GraphRunner::collect_together(const ggml_cgraph& graph, int first) {
    together_ = {first};
    for (int i = first + 1; i < graph.n_nodes; ++i) {
        const ggml_tensor& node = *graph.nodes[i];
        if (api::only_names_memory(node.op)) continue;
        if (!is_matmul(node) || !share_x(*graph.nodes[first], node)) break;
        const auto meets = [&](int other) { return overlap(*graph.nodes[other], node); };
        if (std::any_of(together_.begin(), together_.end(), meets)) break;
        if (!accepts(node)) {
            refused_ = i;
            break;
        }
        together_.push_back(i);
    }
}

std::optional<Refusal> GraphRunner::prepare(matmul::Device& device, Product& product) {
    if (const auto refusal = group_rows(*product.node, product.rows)) return refusal;
    std::vector<int64_t> matrices;
    for (const RowGroups::Group& group : product.rows.groups) matrices.push_back(group.matrix);
    auto found = Session::get().tiles_of(device, *product.node->src[0], matrices, *cpu_);
    if (!found.tiles) return found.refusal;
    product.tiles = std::move(found.tiles);
    return std::nullopt;
}

// Products [first, end) were computed, or the CPU has to.
void GraphRunner::settle(size_t first, size_t end, std::optional<Refusal> refusal) {
    Counters& counters = Session::get().counters();
    for (size_t p = first; p < end; ++p) {
        on_npu_[p] = !refusal;
        refusal ? counters.count_refusal(*refusal) : counters.count_npu(*products_[p].node);
    }
}

// Products [first, end) have tiles of one pipeline; if anything is fused, they are all.
void GraphRunner::run_on_npu(matmul::Device& device, size_t first, size_t end) {
    Session& session = Session::get();
    const auto products = std::span(products_).subspan(first, end - first);
    const Trace::Scope scope = session.trace().scope("npu", *products[0].node);
    const bool fused = fusion_.is_any();
    const auto refusal = fused ? mul_mat_.run(device, products, fusion_, *cpu_)
                               : mul_mat_.run(device, products, *cpu_);
    if (!refusal)
        session.counters().passes += 1 + (fused ? fusion_.targets.size() : products.size());
    settle(first, end, refusal);
}

// Makes the products ready that can be. True when they can all run at once.
bool GraphRunner::find_tiles(const ggml_cgraph& graph) {
    const size_t count = together_.size();
    if (products_.size() < count) products_.resize(count);
    on_npu_.assign(count, false);
    ready_.assign(count, false);
    matmul::Device* device = Session::get().npu()->device();
    for (size_t p = 0; p < count; ++p) {
        products_[p].node = graph.nodes[together_[p]];
        const auto refusal = device ? prepare(*device, products_[p]) : Refusal::NoDevice;
        if (refusal) settle(p, p + 1, refusal);
        ready_[p] = !refusal;
    }
    for (size_t p = 0; p < count; ++p)
        if (!ready_[p] || !same_pipeline(products_[0], products_[p])) return false;
    return true;
}

int GraphRunner::find_next(const ggml_cgraph& graph) {
    const int i = find_reader_of_gate(graph, fusion_);
    if (i < 0) return -1;
    if (!accepts(*graph.nodes[i])) {
        refused_ = i;
        return -1;
    }
    return accepted_ = i;
}

// The products of fusion_ have their tiles. Computes them and next_, and lets fusion_ end behind
// it; false: nothing was written.
bool GraphRunner::run_with_next(const ggml_cgraph& graph) {
    Session& session = Session::get();
    matmul::Device& device = *session.npu()->device();
    const Fusion after = find_fusion(graph, next_, std::span(&next_, 1));
    next_product_.node = graph.nodes[next_];
    if (!is_safe_before(fusion_, after) || prepare(device, next_product_)) return false;
    for (int i = together_.back() + 1; i < after.end; ++i) drop_tiles_under(*graph.nodes[i]);
    const auto products = std::span(products_).first(together_.size());
    const Trace::Scope scope = session.trace().scope("npu", *products[0].node);
    const bool done =
        mul_mat_.run_back_to_back(device, products, fusion_, next_product_, after, *cpu_);
    next_product_.tiles.reset();
    if (!done) return false;
    session.counters().passes += 1 + after.targets.size();
    settle(0, products.size(), std::nullopt);
    session.counters().count_npu(*next_product_.node);
    fusion_.end = after.end;
    return true;
}

// Everything before fusion_ has been computed; computes all of it.
ggml_status GraphRunner::run_together(const ggml_cgraph& graph) {
    const bool all_ready = find_tiles(graph);
    if (all_ready && next_ >= 0 && run_with_next(graph)) {
        for (Product& product : products_) product.tiles.reset();
        return GGML_STATUS_SUCCESS;
    }
    if (!all_ready) {
        const int begin = fusion_.begin;
        fusion_ = unfused(graph, together_);
        const ggml_status status = run_on_cpu(graph, begin, fusion_.begin);
        if (status != GGML_STATUS_SUCCESS) return status;
    }
    for (int i = together_.back() + 1; i < fusion_.end; ++i) drop_tiles_under(*graph.nodes[i]);
    const size_t count = together_.size();
    for (size_t first = 0; first < count; ++first) {
        if (!ready_[first]) continue;
        size_t end = first + 1;
        while (end < count && ready_[end] && same_pipeline(products_[first], products_[end])) ++end;
        run_on_npu(*Session::get().npu()->device(), first, end);
        first = end - 1;
    }
    for (Product& product : products_) product.tiles.reset();
    if (fusion_.is_any())
        return on_npu_[0] ? GGML_STATUS_SUCCESS : run_on_cpu(graph, fusion_.begin, fusion_.end);
    for (size_t p = 0; p < count; ++p) {
        if (on_npu_[p]) continue;
        const ggml_status status = run_on_cpu(graph, together_[p], together_[p] + 1);
        if (status != GGML_STATUS_SUCCESS) return status;
    }
    return GGML_STATUS_SUCCESS;
}

ggml_status GraphRunner::run_on_cpu(const ggml_cgraph& graph, int begin, int end) {
    if (begin == end) return GGML_STATUS_SUCCESS;
    Session& session = Session::get();
    const Trace::Scope scope = session.trace().scope("cpu", *graph.nodes[begin]);
    const ShadowedNodes shadowed(graph, begin, end, session.shadows(), session.tiles());
    const auto start = Clock::now();
    const ggml_status status = cpu_->compute(graph, begin, end);
    const auto time = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);
    session.counters().cpu_ops_us += static_cast<uint64_t>(time.count());
    for (int i = begin; i < end; ++i) cpu_passes_ += is_pass(*graph.nodes[i]);
    return status;
}

ggml_status GraphRunner::compute(const ggml_cgraph& graph) {
    bool used_npu = false;
    refused_ = accepted_ = -1;
    cpu_passes_ = 0;
    int begin = 0;  // nodes [begin, i) wait for the CPU
    for (int i = 0; i < graph.n_nodes; ++i) {
        if (i == refused_ || (i != accepted_ && !accepts(*graph.nodes[i]))) continue;
        collect_together(graph, i);
        fusion_ = find_fusion(graph, begin, together_);
        next_ = find_next(graph);
        ggml_status status = run_on_cpu(graph, begin, fusion_.begin);
        if (status != GGML_STATUS_SUCCESS) return status;
        if (cpu_->aborted()) return GGML_STATUS_ABORTED;
        status = run_together(graph);
        if (status != GGML_STATUS_SUCCESS) return status;
        used_npu = used_npu || std::find(on_npu_.begin(), on_npu_.end(), true) != on_npu_.end();
        begin = fusion_.end;
        i = begin - 1;
    }
    const ggml_status status = run_on_cpu(graph, begin, graph.n_nodes);
    Session& session = Session::get();
    if (used_npu) {
        ++session.counters().npu_graphs;
        session.counters().passes += cpu_passes_;
    }
    session.report();
    return status;
}

}  // namespace rosenblatt::ggml
