// SPDX-License-Identifier: MIT
// Counters of the graph walk; what happens below it is counted by the engine.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "ggml/mul_mat.hpp"
#include "ggml/refusal.hpp"

namespace rosenblatt::ggml {

struct Counters {
    std::atomic<uint64_t> npu_nodes{0};
    std::atomic<uint64_t> npu_macs{0};
    std::atomic<uint64_t> eligible_macs{0};  ///< of all MUL_MATs that the NPU could do
    std::array<std::atomic<uint64_t>, k_refusals> refused{};
    std::atomic<uint64_t> cpu_ops_us{0};
    std::atomic<uint64_t> passes{0};  ///< over activations: one per X packed, one per Y unpacked,
                                      ///< one per norm, addition, gate ... that the CPU ran
    std::atomic<uint64_t> packed_loaded{0};  ///< matrices that came from the packed-weight cache
    std::atomic<uint64_t> packed_made{0};    ///< matrices packed from their weights
    std::atomic<uint64_t> shadow_bytes{0};   ///< most of weights in the CPU's own layout
    std::atomic<uint64_t> pinned_bytes{0};   ///< most in BOs
    std::atomic<uint64_t> npu_graphs{0};  ///< graphs that used the NPU
    std::atomic<uint64_t> layers{0};      ///< of the deepest model seen, by its weights' names

    void count_refusal(Refusal refusal) { ++refused[static_cast<size_t>(refusal)]; }
    void count_npu(const ggml_tensor& node);
};

}  // namespace rosenblatt::ggml
