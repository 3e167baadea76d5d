// SPDX-License-Identifier: MIT
// The probes: each reads one area of a host into its facts and concludes nothing.
#pragma once

#include "cli/host/device_nodes.hpp"
#include "cli/host/facts.hpp"
#include "cli/host/root.hpp"

namespace rosenblatt::cli::host {

DeviceTreeFacts probe_device_tree(const HostRoot& root);
KernelFacts probe_kernel(const HostRoot& root);
DeviceFacts probe_devices(const HostRoot& root, const DeviceNodes& nodes);
LogFacts probe_log(const HostRoot& root, const DeviceNodes& nodes);
TuningFacts probe_tuning(const HostRoot& root);
MemoryFacts probe_memory(const HostRoot& root);

IdentityFacts probe_identity(const HostRoot& root);

/// All of them.
HostFacts probe_host(const HostRoot& root, const DeviceNodes& nodes);

}  // namespace rosenblatt::cli::host
