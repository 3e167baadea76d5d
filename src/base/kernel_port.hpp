// SPDX-License-Identifier: MIT
// KernelPort: the seam for "no hardware". The driver makes its system calls through it; behind it
// is the real kernel (rocket::SystemPort) or rocket.ko's behaviour in user space (emukernel::Port).
#pragma once

#include <cstddef>
#include <cstdint>

namespace rosenblatt {

/// System calls in the kernel's own convention: 0 or a positive value is success, a negative value
/// is -errno. Calls may come from any thread.
class KernelPort {
  public:
    virtual ~KernelPort() = default;

    /// A file descriptor of this port; meaningless to another port and to the host's own calls.
    virtual int open(const char* path, int flags) = 0;
    virtual int close(int fd) = 0;

    /// Restarts by itself when a signal interrupts the call; PREP_BO's timeout is absolute, so a
    /// restart never lengthens it.
    virtual int ioctl(int fd, unsigned long request, void* arg) = 0;

    /// Shared, readable and writable; `offset` is what CREATE_BO answered. Sets `address` on
    /// success.
    virtual int mmap(int fd, size_t length, uint64_t offset, void** address) = 0;
    virtual int munmap(void* address, size_t length) = 0;
};

}  // namespace rosenblatt
