// SPDX-License-Identifier: MIT
// A KernelPort that answers what a test tells it to: for errors no healthy kernel gives.
#pragma once

#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <string>

#include "base/kernel_port.hpp"
#include "drm/rocket_accel.h"

namespace rosenblatt::rocket {

class ScriptedPort final : public KernelPort {
  public:
    /// path -> driver name, or -errno of open as a string of digits with a minus sign.
    std::map<std::string, std::string> nodes;
    int version_result = 0;
    std::function<int(unsigned long, void*)> other_ioctl = [](unsigned long, void*) { return 0; };
    int mmap_result = 0;
    int open_files = 0;
    int live_handles = 0;

    int open(const char* path, int) override {
        const auto node = nodes.find(path);
        if (node == nodes.end()) return -ENOENT;
        if (node->second.starts_with("-")) return std::stoi(node->second);
        driver_ = node->second;
        ++open_files;
        return 5;
    }
    int close(int) override { return --open_files, 0; }

    int ioctl(int, unsigned long request, void* arg) override {
        if (request == DRM_IOCTL_ROCKET_VERSION) {
            auto* version = static_cast<drm_rocket_version*>(arg);
            std::memcpy(version->name, driver_.data(), std::min(driver_.size(), version->name_len));
            version->name_len = driver_.size();
            return version_result;
        }
        const int result = other_ioctl(request, arg);
        if (request == DRM_IOCTL_ROCKET_CREATE_BO && result == 0) ++live_handles;
        if (request == DRM_IOCTL_ROCKET_GEM_CLOSE) --live_handles;
        return result;
    }

    int mmap(int, size_t, uint64_t, void** address) override {
        *address = memory_;
        return mmap_result;
    }
    int munmap(void*, size_t) override { return 0; }

  private:
    std::string driver_;
    char memory_[8192] = {};
};

}  // namespace rosenblatt::rocket
