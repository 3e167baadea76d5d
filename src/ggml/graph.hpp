// SPDX-License-Identifier: MIT
// GraphRunner: computes whole graphs, matrix multiplications worth it on the NPU with what is fused
// with them, everything between in one piece on ggml's CPU backend.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "ggml/api.hpp"
#include "ggml/cpu_delegate.hpp"
#include "ggml/fusion.hpp"
#include "ggml/mul_mat.hpp"
#include "ggml/refusal.hpp"

namespace rosenblatt::ggml {

/// One per ggml backend, used by one thread at a time, as ggml demands.
class GraphRunner {
  public:
    explicit GraphRunner(std::unique_ptr<CpuDelegate> cpu) : cpu_(std::move(cpu)) {}

    CpuDelegate& cpu() { return *cpu_; }

    /// Executes every node it is given. Not SUCCESS only when the program aborted, or when the CPU
    /// backend itself has no memory.
    ggml_status compute(const ggml_cgraph& graph);

  private:
    ggml_status run_on_cpu(const ggml_cgraph& graph, int begin, int end);
    std::optional<Refusal> refuse(const ggml_tensor& node);
    bool accepts(const ggml_tensor& node);
    void collect_together(const ggml_cgraph& graph, int first);

    ggml_status run_together(const ggml_cgraph& graph);
    bool find_tiles(const ggml_cgraph& graph);
    std::optional<Refusal> prepare(matmul::Device& device, Product& product);
    void run_on_npu(matmul::Device& device, size_t first, size_t end);
    int find_next(const ggml_cgraph& graph);
    bool run_with_next(const ggml_cgraph& graph);
    void settle(size_t first, size_t end, std::optional<Refusal> refusal);

    std::unique_ptr<CpuDelegate> cpu_;
    MulMat mul_mat_;
    int refused_ = -1;  // a node that was asked about while looking for company, and counted
    std::vector<int> together_;      // matmuls that share X, by their place in the graph
    std::vector<Product> products_;  // of those; keeps its memory, so it may be longer
    std::vector<bool> ready_;        // of those: tiles were found
    std::vector<bool> on_npu_;       // of those: computed
    Fusion fusion_;                  // of those
    int next_ = -1;      // the matmul that alone reads their gate, accepted; -1: none
    int accepted_ = -1;  // the last that was: it is not asked about and counted again
    Product next_product_;
    uint64_t cpu_passes_ = 0;        // of this graph
};

}  // namespace rosenblatt::ggml
