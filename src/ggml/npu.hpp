// SPDX-License-Identifier: MIT
// Npu: which NPU this process uses.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/options.hpp"
#include "base/result.hpp"

namespace rosenblatt::ggml {

class Npu {
  public:
    /// Finds the device that GGML_ROCKET_DEVICE names. Asks only for its name: no lane is opened.
    /// Error code ENOENT: this machine has none, which is no fault.
    static Result<std::unique_ptr<Npu>> find(const Options& options);

    bool emulated() const { return emulated_; }
    const std::string& path() const { return path_; }

  private:
    Npu(std::string path, bool emulated) : path_(std::move(path)), emulated_(emulated) {}

    std::string path_;
    bool emulated_;
};

}  // namespace rosenblatt::ggml
