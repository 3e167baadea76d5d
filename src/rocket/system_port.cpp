// SPDX-License-Identifier: MIT
#include "rocket/system_port.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "drm/rocket_accel.h"

namespace rosenblatt::rocket {

int SystemPort::open(const char* path, int flags) {
    const int fd = ::open(path, flags | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

// Mainline up to 7.3 frees a finished job's buffers in a worker, into the address space of their file.
// A file closed before that is a use after free in the kernel, so the worker gets its time.
int SystemPort::close(int fd) {
    constexpr auto k_freed = std::chrono::milliseconds(20);
    if (submitted_) std::this_thread::sleep_for(k_freed);
    return ::close(fd) < 0 ? -errno : 0;
}

int SystemPort::ioctl(int fd, unsigned long request, void* arg) {
    if (_IOC_NR(request) == _IOC_NR(DRM_IOCTL_ROCKET_SUBMIT)) submitted_ = true;
    int result;
    do {
        result = ::ioctl(fd, request, arg);
    } while (result < 0 && (errno == EINTR || errno == EAGAIN));
    return result < 0 ? -errno : result;
}

int SystemPort::mmap(int fd, size_t length, uint64_t offset, void** address) {
    void* const mapped =
        ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, static_cast<off_t>(offset));
    if (mapped == MAP_FAILED) return -errno;
    *address = mapped;
    return 0;
}

int SystemPort::munmap(void* address, size_t length) {
    return ::munmap(address, length) < 0 ? -errno : 0;
}

}  // namespace rosenblatt::rocket
