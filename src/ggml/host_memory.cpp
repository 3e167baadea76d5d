// SPDX-License-Identifier: MIT
#include "ggml/host_memory.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>

namespace rosenblatt::ggml {

HostMemory host_memory(const std::string& path) {
    HostMemory memory;
    std::ifstream file(path);
    std::string key;
    size_t kib = 0;
    while (file >> key >> kib) {
        if (key == "MemTotal:") memory.total = kib * 1024;
        if (key == "MemAvailable:") memory.available = kib * 1024;
        file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');  // "kB", or nothing
    }
    const auto page = static_cast<size_t>(std::max(1L, sysconf(_SC_PAGESIZE)));
    const auto pages = [](int name) { return static_cast<size_t>(std::max(1L, sysconf(name))); };
    if (memory.total == 0) memory.total = pages(_SC_PHYS_PAGES) * page;
    if (memory.available == 0) memory.available = pages(_SC_AVPHYS_PAGES) * page;
    return memory;
}

size_t peak_resident_bytes(const std::string& path) {
    std::ifstream file(path);
    std::string key;
    for (; file >> key; file.ignore(std::numeric_limits<std::streamsize>::max(), '\n')) {
        size_t kib = 0;
        if (key == "VmHWM:" && file >> kib) return kib * 1024;
    }
    return 0;
}

}  // namespace rosenblatt::ggml
