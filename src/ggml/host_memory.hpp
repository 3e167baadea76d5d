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

/// The most memory that this process had in RAM at once, mapped files included. Reads
/// /proc/self/status, or `path` in its form; 0: it does not say.
size_t peak_resident_bytes(const std::string& path = "/proc/self/status");

}  // namespace rosenblatt::ggml
