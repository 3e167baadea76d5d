// SPDX-License-Identifier: MIT
// find_npu: which NPU the options name, the kernel's or an emulated one, behind a port that is
// ready to open.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/kernel_port.hpp"
#include "base/options.hpp"
#include "base/result.hpp"
#include "matmul/device.hpp"

namespace rosenblatt::matmul {

struct FoundNpu {
    std::unique_ptr<KernelPort> port;
    std::string path;
    bool emulated = false;
    double clock_mhz = 0;  ///< the options' own, else 200 on the kernel's device and 600 emulated
};

using Warn = std::function<void(const std::string&)>;

/// Asks the device only for its name: no lane is opened. Error code ENOENT: this machine has none,
/// which is no fault. What is set but cannot be used is said in one line each.
Result<FoundNpu> find_npu(const Options& options, const Warn& warn);

/// What Device::open needs for it; `mem_max_default` holds where the options set no limit.
DeviceOptions device_options(const Options& options, const FoundNpu& npu, uint64_t mem_max_default,
                             const Warn& warn);

}  // namespace rosenblatt::matmul
