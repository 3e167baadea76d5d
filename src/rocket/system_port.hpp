// SPDX-License-Identifier: MIT
// SystemPort: the KernelPort that is the real kernel.
#pragma once

#include <atomic>

#include "base/kernel_port.hpp"

namespace rosenblatt::rocket {

class SystemPort final : public KernelPort {
  public:
    int open(const char* path, int flags) override;
    int close(int fd) override;
    int ioctl(int fd, unsigned long request, void* arg) override;
    int mmap(int fd, size_t length, uint64_t offset, void** address) override;
    int munmap(void* address, size_t length) override;

  private:
    std::atomic<bool> submitted_ = false;
};

}  // namespace rosenblatt::rocket
