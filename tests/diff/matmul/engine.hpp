// SPDX-License-Identifier: MIT
// What the engine's tests share: a device on the emulated kernel, random problems, and their truth
// in plain loops.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "../../support/seed.hpp"
#include "emukernel/port.hpp"
#include "matmul/device.hpp"
#include "matmul/multiply.hpp"
#include "matmul/weights.hpp"

namespace rosenblatt::matmul {

/// Counts what goes through it.
class CountingPort final : public KernelPort {
  public:
    explicit CountingPort(std::unique_ptr<KernelPort> port) : port_(std::move(port)) {}
    int open(const char* path, int flags) override;
    int close(int fd) override;
    int ioctl(int fd, unsigned long request, void* arg) override;
    int mmap(int fd, size_t length, uint64_t offset, void** address) override;
    int munmap(void* address, size_t length) override;

    std::atomic<unsigned> created{0};          ///< BOs
    std::atomic<unsigned> closed{0};           ///< BOs: asked for, whatever the answer
    std::atomic<int> files{0};                 ///< open now
    std::atomic<int> mappings{0};              ///< mapped now
    std::vector<std::span<std::byte>> mapped;  ///< every BO so far, in order

  private:
    std::unique_ptr<KernelPort> port_;
    std::mutex mutex_;  // of `mapped`: several devices may use one port at once
};

struct Engine {
    std::unique_ptr<CountingPort> port;
    std::vector<std::string> warnings;
    std::unique_ptr<Device> device;

    /// `faults` as in GGML_ROCKET_FAULT. The emulator is strict and starts from garbage. `below`
    /// may put another port between the kernel and the counter.
    using Below = std::function<std::unique_ptr<KernelPort>(std::unique_ptr<KernelPort>)>;
    explicit Engine(DeviceOptions options = {}, const std::string& faults = "",
                    const Below& below = {});
};

/// Y = X * W^T with Gaussian entries and a few large columns, as activations have them.
struct Problem {
    int64_t m, k, n;
    std::vector<float> x, w;

    Problem(int64_t rows, int64_t channels, int64_t columns, uint64_t seed);
    RowSource source() const;
    /// What every plan, lane, thread count and fault must give, in plain loops.
    std::vector<float> truth(Pipeline pipeline) const;
};

/// Runs pieces on `count` threads, interleaved.
ParallelFor threads(unsigned count);

/// Packs and multiplies on `engine`; fails the test when either reports an error.
std::vector<float> run(Engine& engine, const Problem& problem, Pipeline pipeline,
                       const ParallelFor& parallel_for = run_serial);

/// Fails the test, naming the shape, when `engine` gives anything but the problem's truth.
void expect_truth(Engine& engine, const Problem& problem, Pipeline pipeline,
                  const ParallelFor& parallel_for = run_serial);

/// Number of differing elements, bit by bit.
size_t differing(const std::vector<float>& a, const std::vector<float>& b);

}  // namespace rosenblatt::matmul
