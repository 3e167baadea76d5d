// SPDX-License-Identifier: MIT
// The machine's memory, which is also the NPU's: tiles and tensors share it.
#pragma once

#include <cstddef>
#include <string>

namespace rosenblatt::ggml {

struct HostMemory {
    size_t total = 0;      ///< MemTotal in bytes, never 0
    size_t available = 0;  ///< MemAvailable in bytes, never 0
};

/// Reads /proc/meminfo, or `path` in its form; what it does not say comes from sysconf.
HostMemory host_memory(const std::string& path = "/proc/meminfo");

/// Memory of this process that is in RAM now, mapped files included.
size_t resident_bytes(const std::string& path = "/proc/self/statm");

}  // namespace rosenblatt::ggml
