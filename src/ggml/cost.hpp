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
#include "ggml/mul_mat.hpp"

namespace rosenblatt::ggml {

/// Time of MUL_MAT on the CPU: one row of X takes `first_ns` per weight, each further one
/// `more_ns`.
struct CpuRate {
    double first_ns = 0;
    double more_ns = 0;

    double ns(const MulMatShape& shape) const;
};

/// Times ggml's own kernel on a matrix of this type: a few milliseconds.
CpuRate measure_cpu(ggml_type type, CpuDelegate& cpu);

/// Thread-safe.
class Cost {
  public:
    explicit Cost(Pipeline pipeline) : pipeline_(pipeline) {}

    void set_machine(npu::Machine machine) { machine_ = machine; }

    /// What the NPU saves; negative where the CPU is faster. Measures the CPU the first time it
    /// meets `type` with this many threads.
    double gain_ns(const MulMatShape& shape, ggml_type type, CpuDelegate& cpu);
    bool npu_is_faster(const MulMatShape& shape, ggml_type type, CpuDelegate& cpu) {
        return gain_ns(shape, type, cpu) > 0;
    }

  private:
    double npu_ns(const MulMatShape& shape);
    double plan_ns(uint32_t m, uint32_t k, uint32_t n);

    const Pipeline pipeline_;
    npu::Machine machine_;
    std::mutex mutex_;
    std::map<std::pair<ggml_type, int>, CpuRate> rates_;                      // by type and threads
    std::map<std::pair<uint32_t, uint32_t>, compile::WeightTiling> tilings_;  // by k, n
    std::map<std::tuple<uint32_t, uint32_t, uint32_t>, double> plans_;        // by m, k, n
};

}  // namespace rosenblatt::ggml
