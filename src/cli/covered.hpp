// SPDX-License-Identifier: MIT
// Each op of a model's graph: where the backend runs it, at what modelled cost, and why not on the NPU.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/gguf.hpp"
#include "cli/planned.hpp"

namespace rosenblatt::cli {

/// Ops of one kind, tensor and shape, summed over the layers.
struct CoveredOp {
    std::string op;      ///< as ggml names it, "MUL_MAT"
    std::string tensor;  ///< the weight's name without its layer; empty: none
    std::string type;    ///< the weight's
    uint64_t m = 0, k = 0, n = 0;  ///< of one matmul; k = n = 0: no matmul
    uint64_t count = 0;
    std::string reason;  ///< empty: on the NPU; else a key of the stats' cpu_refused, or "not_a_matmul"
    double npu_ns = 0, cpu_ns = 0;  ///< of all `count`; 0: not modelled

    double macs() const {
        return static_cast<double>(m) * static_cast<double>(k) * static_cast<double>(n) *
               static_cast<double>(count);
    }
};

struct Phase {
    std::string name;  ///< "prefill" or "decode"
    uint32_t tokens = 0;
    std::vector<CoveredOp> ops;

    double macs() const;
    double macs_on_npu() const;
};

/// An embedding model's text is one prefill; others also decode, a token at a time.
std::vector<Phase> cover(const Gguf& gguf, uint32_t prefill, const PlanSettings& settings);

}  // namespace rosenblatt::cli
