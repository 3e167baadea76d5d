// SPDX-License-Identifier: MIT
// Finding the NPU: which /dev/accel/accelN belongs to the rocket driver, and clear words when none
// does.
#pragma once

#include <memory>
#include <string>

#include "base/kernel_port.hpp"
#include "base/result.hpp"
#include "rocket/device_file.hpp"

namespace rosenblatt::rocket {

/// Opens `path` and asks VERSION for the driver's name, which must be "rocket". The Error says
/// whether the node is missing, not permitted (and which group owns it), no DRM device, or another
/// driver's.
Result<std::shared_ptr<DeviceFile>> open_device(KernelPort& port, const std::string& path);

/// The first of /dev/accel/accel0 .. accel63 that open_device accepts. When there is none, the
/// Error of the most telling node (one that exists but cannot be used), or that there is no node at
/// all.
Result<std::string> find_device(KernelPort& port);

}  // namespace rosenblatt::rocket
