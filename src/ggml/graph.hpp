// SPDX-License-Identifier: MIT
// GraphRunner: computes whole graphs, matrix multiplications worth it on the NPU, everything
// between them in one piece on ggml's CPU backend.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "ggml/api.hpp"
#include "ggml/cpu_delegate.hpp"
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
    std::optional<Refusal> refuse(const ggml_tensor& node, const MulMatShape& shape);
    std::optional<Refusal> run_on_npu(const ggml_tensor& node, const MulMatShape& shape);

    std::unique_ptr<CpuDelegate> cpu_;
    MulMat mul_mat_;
};

}  // namespace rosenblatt::ggml
