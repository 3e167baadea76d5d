// SPDX-License-Identifier: MIT
// Npu: which NPU this process uses, and its lanes once something needs them.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/kernel_port.hpp"
#include "base/options.hpp"
#include "base/result.hpp"
#include "matmul/device.hpp"

namespace rosenblatt::ggml {

class Npu {
  public:
    /// Finds the device that GGML_ROCKET_DEVICE names. Asks only for its name: no lane is opened.
    /// Error code ENOENT: this machine has none, which is no fault.
    static Result<std::unique_ptr<Npu>> find(const Options& options);

    bool emulated() const { return emulated_; }
    const std::string& path() const { return path_; }
    double clock_mhz() const { return clock_mhz_; }

    /// Opens the lanes at the first call. nullptr: they could not be opened (said once in the log)
    /// or none answers any more.
    matmul::Device* device();
    /// The counters, all zero while no lane was opened.
    matmul::Stats stats() const;
    uint64_t bo_bytes() const;

  private:
    Npu(std::unique_ptr<KernelPort> port, std::string path, bool emulated, const Options& options);
    std::unique_ptr<matmul::Device> open() const;

    std::unique_ptr<KernelPort> port_;
    std::string path_;
    bool emulated_;
    double clock_mhz_;
    Options options_;
    mutable std::mutex mutex_;
    bool tried_ = false;
    std::unique_ptr<matmul::Device> device_;
};

}  // namespace rosenblatt::ggml
