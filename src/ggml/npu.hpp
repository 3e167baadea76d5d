// SPDX-License-Identifier: MIT
// Npu: which NPU this process uses, and its lanes once something needs them.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/options.hpp"
#include "base/result.hpp"
#include "matmul/device.hpp"
#include "matmul/find_npu.hpp"

namespace rosenblatt::ggml {

class Npu {
  public:
    /// Finds the device that GGML_ROCKET_DEVICE names. Asks only for its name: no lane is opened.
    /// Error code ENOENT: this machine has none, which is no fault.
    static Result<std::unique_ptr<Npu>> find(const Options& options);

    bool emulated() const { return found_.emulated; }
    const std::string& path() const { return found_.path; }
    double clock_mhz() const { return found_.clock_mhz; }

    /// Opens the lanes at the first call. nullptr: they could not be opened or none answers any
    /// more; either was said once in the log.
    matmul::Device* device();
    /// The counters, all zero while no lane was opened.
    matmul::Stats stats() const;
    uint64_t bo_bytes() const;

  private:
    Npu(matmul::FoundNpu found, const Options& options);
    std::unique_ptr<matmul::Device> open() const;

    matmul::FoundNpu found_;
    Options options_;
    mutable std::mutex mutex_;
    bool tried_ = false;
    std::unique_ptr<matmul::Device> device_;
};

}  // namespace rosenblatt::ggml
