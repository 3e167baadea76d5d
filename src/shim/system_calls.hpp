// SPDX-License-Identifier: MIT
// The system calls that the shim takes over, as they are underneath.
#pragma once

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace rosenblatt::shim::real {

inline int openat(int directory, const char* path, int flags, mode_t mode) {
    return static_cast<int>(::syscall(SYS_openat, directory, path, flags, mode));
}
inline int close(int fd) {
    return static_cast<int>(::syscall(SYS_close, fd));
}
inline int ioctl(int fd, unsigned long request, void* arg) {
    return static_cast<int>(::syscall(SYS_ioctl, fd, request, arg));
}
inline void* mmap(void* address, size_t length, int protection, int flags, int fd, int64_t offset) {
    return reinterpret_cast<void*>(
        ::syscall(SYS_mmap, address, length, protection, flags, fd, offset));
}
inline int munmap(void* address, size_t length) {
    return static_cast<int>(::syscall(SYS_munmap, address, length));
}

}  // namespace rosenblatt::shim::real
