// SPDX-License-Identifier: MIT
// NPU tasks ready to run on emulated cores, one thread each: operands in memory, streams emitted,
// so that running them is the emulator's work alone.
#pragma once

#include <memory>

#include "base/result.hpp"
#include "compile/plan.hpp"

namespace rosenblatt::cli {

class BenchTasks {
  public:
    explicit BenchTasks(unsigned lanes);
    ~BenchTasks();

    /// Zeroed memory at a new IOVA.
    uint32_t allocate(size_t size);
    std::byte* at(uint32_t iova);
    /// A task for the lane's core, after those it already has.
    void add(unsigned lane, const std::vector<uint64_t>& words);

    unsigned lanes() const { return static_cast<unsigned>(lanes_.size()); }
    /// Runs all tasks once; seconds, or the first fault's sentence.
    Result<double> run();

  private:
    struct Lane;
    class Memory;

    std::unique_ptr<Memory> memory_;
    std::vector<std::unique_ptr<Lane>> lanes_;
};

/// A matmul as the planner cuts it for that many lanes; operands are random.
Result<std::unique_ptr<BenchTasks>> matmul_tasks(const compile::MatmulShape& shape,
                                                 compile::NumberType type, unsigned lanes);

struct ConvShape {
    uint32_t size = 0;  ///< width and height, of input and output alike
    uint32_t channels = 0;
    uint32_t kernels = 0;
    uint32_t window = 1;     ///< odd; padded so that the output is as large as the input
    bool depthwise = false;  ///< `kernels` is then `channels`

    double macs() const {
        return double{1} * size * size * window * window * channels * (depthwise ? 1 : kernels);
    }
};

/// The same int8 convolution with requantised int8 results on every lane; operands are random.
std::unique_ptr<BenchTasks> conv_tasks(const ConvShape& shape, unsigned lanes);

}  // namespace rosenblatt::cli
