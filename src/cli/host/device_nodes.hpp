// SPDX-License-Identifier: MIT
// DeviceNodes: what plain files cannot tell: stat and open of device nodes, the DRM VERSION ioctl,
// the running kernel's log. Below a copied root a plain file stands for a node; it answers at most
// with its driver's name, if it holds one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cli/host/root.hpp"

namespace rosenblatt::cli::host {

class DeviceNodes {
  public:
    virtual ~DeviceNodes() = default;

    /// Is there a device node of this name?
    virtual bool present(std::string_view path) const = 0;
    /// Name the DRM driver behind it gives itself; nothing when it cannot be asked.
    virtual std::optional<std::string> driver_name(std::string_view path) const = 0;
    /// Why it cannot be opened for reading and writing; nothing when it can, or was not tried.
    virtual std::optional<std::string> access_error(std::string_view path) const = 0;
    /// The kernel's log, one message per line; nothing when it may not be read.
    virtual std::optional<std::string> kernel_log() const = 0;
};

/// Real nodes when the root is the running host's, else plain files.
std::unique_ptr<DeviceNodes> device_nodes(const HostRoot& root);

}  // namespace rosenblatt::cli::host
