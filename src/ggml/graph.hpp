// SPDX-License-Identifier: MIT
// GraphRunner: computes whole graphs, everything that the NPU does not do in one piece on ggml's
// CPU backend.
#pragma once

#include <memory>
#include <utility>

#include "ggml/api.hpp"
#include "ggml/cpu_delegate.hpp"

namespace rosenblatt::ggml {

/// One per ggml backend, used by one thread at a time, as ggml demands.
class GraphRunner {
  public:
    explicit GraphRunner(std::unique_ptr<CpuDelegate> cpu) : cpu_(std::move(cpu)) {}

    CpuDelegate& cpu() { return *cpu_; }

    /// Executes every node it is given. Not SUCCESS only when the program aborted, or when the CPU
    /// backend itself has no memory.
    ggml_status compute(const ggml_cgraph& graph) { return cpu_->compute(graph, 0, graph.n_nodes); }

  private:
    std::unique_ptr<CpuDelegate> cpu_;
};

}  // namespace rosenblatt::ggml
