// SPDX-License-Identifier: MIT
// A kernel's time beside that of a memcpy which reads and writes as many bytes, taken in turn: what
// else the machine does slows both.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <limits>
#include <memory>

namespace rosenblatt::bench {

/// CPU time of this thread: on an idle machine the same as time, on a busy one without the time that
/// others had the core.
inline double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

inline double seconds_of(const auto& work) {
    const double start = cpu_seconds();
    work();
    return cpu_seconds() - start;
}

/// Page-aligned and touched; freed with the object.
class Memory {
  public:
    explicit Memory(size_t bytes) : bytes_((bytes + 4095) / 4096 * 4096) {
        data_.reset(std::aligned_alloc(4096, bytes_));
        std::memset(data_.get(), 1, bytes_);
    }
    template <typename T>
    T* as() const {
        return static_cast<T*>(data_.get());
    }
    size_t size() const { return bytes_; }

  private:
    struct Free {
        void operator()(void* p) const { std::free(p); }
    };
    size_t bytes_;
    std::unique_ptr<void, Free> data_;
};

/// Runs `work`, which reads and writes `bytes` in all, and memcpy in turn. Counters: `GB/s` of the
/// best run, and `of_memcpy`, its rate over memcpy's best.
inline void against_memcpy(benchmark::State& state, size_t bytes, const auto& work) {
    Memory from(bytes / 2), to(bytes / 2);
    double best = std::numeric_limits<double>::max(), copy = best;
    for (auto _ : state) {
        copy = std::min(copy, seconds_of([&] {
                            std::memcpy(to.as<char>(), from.as<char>(), bytes / 2);
                            benchmark::ClobberMemory();
                        }));
        const double time = seconds_of(work);
        benchmark::ClobberMemory();
        best = std::min(best, time);
        state.SetIterationTime(time);
    }
    state.counters["GB/s"] = static_cast<double>(bytes) / best * 1e-9;
    state.counters["of_memcpy"] = copy / best;
    state.counters["MiB"] = static_cast<double>(bytes) / (1 << 20);
}

}  // namespace rosenblatt::bench
