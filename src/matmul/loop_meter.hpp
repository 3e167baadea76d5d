// SPDX-License-Identifier: MIT
// LoopMeter: how long the host worked in some stretch of a panel's way, and how long it waited there
// for its threads. Where the NPU is emulated, its threads want the same cores as the loops that pack
// the next rows and unpack the last ones; that is no time of theirs.
#pragma once

#include <ctime>

#include <algorithm>
#include <chrono>
#include <mutex>

#include "matmul/parallel.hpp"

namespace rosenblatt::matmul {

class LoopMeter {
  public:
    using Clock = std::chrono::steady_clock;

    explicit LoopMeter(const ParallelFor& parallel_for) : parallel_for_(parallel_for) {}

    /// The loop, metered: it worked as long as the busiest of its threads had a core.
    void run(int64_t count, const LoopBody& body) {
        std::mutex mutex;
        double busiest = 0;
        const auto begun = Clock::now();
        parallel_for_(count, [&](int64_t begin, int64_t end) {
            const double before = cpu_ms();
            body(begin, end);
            const double worked = cpu_ms() - before;
            const std::lock_guard lock(mutex);
            busiest = std::max(busiest, worked);
        });
        waited_ms_ += std::max(0.0, milliseconds(Clock::now() - begun) - busiest);
    }

    /// From its making on: time that went by, less what loops waited, and that.
    class Stretch {
      public:
        explicit Stretch(const LoopMeter& meter) : meter_(meter) {}
        double waited_ms() const { return meter_.waited_ms_ - waited_before_; }
        double worked_ms() const { return milliseconds(Clock::now() - begun_) - waited_ms(); }

      private:
        const LoopMeter& meter_;
        const Clock::time_point begun_ = Clock::now();
        const double waited_before_ = meter_.waited_ms_;
    };

    static double milliseconds(Clock::duration time) {
        return std::chrono::duration<double, std::milli>(time).count();
    }

  private:
    static double cpu_ms() {
        timespec now{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
    }

    const ParallelFor& parallel_for_;
    double waited_ms_ = 0;
};

}  // namespace rosenblatt::matmul
