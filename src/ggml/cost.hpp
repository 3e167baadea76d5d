// SPDX-License-Identifier: MIT
// Cost: NPU or CPU for one matrix multiplication? The NPU's time is planned, the CPU's measured.
#pragma once

#include <map>
#include <mutex>
#include <tuple>
#include <utility>

#include "base/options.hpp"
#include "compile/plan.hpp"
#include "ggml/cpu_delegate.hpp"
#include "ggml/cpu_rates.hpp"
#include "ggml/mul_mat.hpp"

namespace rosenblatt::ggml {

/// Times ggml's own kernel on a matrix of this type, in the layout that the CPU would read: a few
/// milliseconds.
CpuRate measure_cpu(ggml_type type, CpuDelegate& cpu);

/// The same figure for the board's CPU, as docs/op-coverage.md assumes it.
CpuRate board_cpu(ggml_type type);

/// Thread-safe.
class Cost {
  public:
    explicit Cost(Pipeline pipeline) : pipeline_(pipeline) {}

    void set_machine(npu::Machine machine) { machine_ = machine; }
    /// The NPU is emulated: its modelled time is weighed against the board's CPU, not against the
    /// one that emulates it.
    void set_emulated() { emulated_ = true; }
    void set_known_rates(CpuRates rates) { rates_ = std::move(rates); }

    /// What the NPU saves; negative where the CPU shall do it (matmul/dispatch.hpp). Measures the CPU the first time this
    /// machine meets `type` with this many threads.
    double gain_ns(const MulMatShape& shape, ggml_type type, CpuDelegate& cpu);
    bool npu_is_faster(const MulMatShape& shape, ggml_type type, CpuDelegate& cpu) {
        return gain_ns(shape, type, cpu) > 0;
    }

  private:
    CpuRate rate_of(ggml_type type, CpuDelegate& cpu);
    double npu_ns(const MulMatShape& shape);
    double plan_ns(uint32_t m, uint32_t k, uint32_t n);

    const Pipeline pipeline_;
    npu::Machine machine_;
    bool emulated_ = false;
    std::mutex mutex_;
    CpuRates rates_;
    std::map<std::pair<uint32_t, uint32_t>, compile::WeightTiling> tilings_;  // by k, n
    std::map<std::tuple<uint32_t, uint32_t, uint32_t>, double> plans_;        // by m, k, n
};

}  // namespace rosenblatt::ggml
