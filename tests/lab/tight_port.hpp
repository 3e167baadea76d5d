// SPDX-License-Identifier: MIT
// TightPort: the real kernel, but every file it opens has few NPU addresses left.
#pragma once

#include <algorithm>

#include "drm/rocket_accel.h"
#include "rocket/system_port.hpp"

namespace rosenblatt::lab {

class TightPort final : public KernelPort {
  public:
    /// `spare` bytes of a file's 4 GiB stay free; what fills the rest is pinned memory. 0: all.
    explicit TightPort(uint64_t spare) : spare_(spare) {}

    int open(const char* path, int flags) override {
        const int fd = port_.open(path, flags);
        if (fd < 0 || spare_ == 0) return fd;
        for (uint64_t left = k_addresses - spare_; left > 0;) {
            const uint64_t size = std::min(left, k_largest_bo);
            drm_rocket_create_bo create{};
            create.size = static_cast<uint32_t>(size);
            if (const int failed = port_.ioctl(fd, DRM_IOCTL_ROCKET_CREATE_BO, &create);
                failed < 0) {
                port_.close(fd);
                return failed;
            }
            left -= size;
        }
        return fd;
    }
    int close(int fd) override { return port_.close(fd); }
    int ioctl(int fd, unsigned long request, void* arg) override {
        return port_.ioctl(fd, request, arg);
    }
    int mmap(int fd, size_t length, uint64_t offset, void** address) override {
        return port_.mmap(fd, length, offset, address);
    }
    int munmap(void* address, size_t length) override { return port_.munmap(address, length); }

  private:
    static constexpr uint64_t k_addresses = 1ull << 32, k_largest_bo = 0x7fff'f000;
    rocket::SystemPort port_;
    uint64_t spare_;
};

}  // namespace rosenblatt::lab
