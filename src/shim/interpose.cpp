// SPDX-License-Identifier: MIT
// The C library's names that a program reaches the device by, taken over with LD_PRELOAD. Whatever
// does not concern the device goes straight to the kernel.
#undef _FORTIFY_SOURCE  // its inline open() would clash with ours
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <new>

#include "shim/device.hpp"
#include "shim/system_calls.hpp"

#define ROSENBLATT_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

namespace real = rosenblatt::shim::real;
using rosenblatt::shim::Device;

/// -errno to errno and -1; nothing thrown may reach the program.
template <typename Call>
int guarded(Call call) noexcept {
    int result = -ENOMEM;
    try {
        result = call();
    } catch (const std::bad_alloc&) {
        result = -ENOMEM;
    } catch (...) {
        result = -EIO;
    }
    if (result >= 0) return result;
    errno = -result;
    return -1;
}

bool is_device(const char* path) {
    return path != nullptr && std::strcmp(path, rosenblatt::emukernel::k_device_path) == 0;
}

int open_any(int directory, const char* path, int flags, mode_t mode) noexcept {
    if (!is_device(path)) return real::openat(directory, path, flags, mode);
    return guarded([&] {
        Device* device = nullptr;
        const int found = Device::get(&device);
        return found < 0 ? found : device->open(flags);
    });
}

bool takes_mode(int flags) {
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

}  // namespace

#define ROSENBLATT_MODE(flags)                                   \
    mode_t mode = 0;                                             \
    if (takes_mode(flags)) {                                     \
        va_list arguments;                                       \
        va_start(arguments, flags);                              \
        mode = static_cast<mode_t>(va_arg(arguments, unsigned)); \
        va_end(arguments);                                       \
    }

ROSENBLATT_EXPORT int open(const char* path, int flags, ...) {
    ROSENBLATT_MODE(flags)
    return open_any(AT_FDCWD, path, flags, mode);
}
ROSENBLATT_EXPORT int open64(const char* path, int flags, ...) {
    ROSENBLATT_MODE(flags)
    return open_any(AT_FDCWD, path, flags, mode);
}
ROSENBLATT_EXPORT int openat(int directory, const char* path, int flags, ...) {
    ROSENBLATT_MODE(flags)
    return open_any(directory, path, flags, mode);
}
ROSENBLATT_EXPORT int openat64(int directory, const char* path, int flags, ...) {
    ROSENBLATT_MODE(flags)
    return open_any(directory, path, flags, mode);
}

// What the calls above become with _FORTIFY_SOURCE.
ROSENBLATT_EXPORT int __open_2(const char* path, int flags) {
    return open_any(AT_FDCWD, path, flags, 0);
}
ROSENBLATT_EXPORT int __open64_2(const char* path, int flags) {
    return open_any(AT_FDCWD, path, flags, 0);
}
ROSENBLATT_EXPORT int __openat_2(int directory, const char* path, int flags) {
    return open_any(directory, path, flags, 0);
}
ROSENBLATT_EXPORT int __openat64_2(int directory, const char* path, int flags) {
    return open_any(directory, path, flags, 0);
}

ROSENBLATT_EXPORT int ioctl(int fd, unsigned long request, ...) noexcept {
    va_list arguments;
    va_start(arguments, request);
    void* const arg = va_arg(arguments, void*);
    va_end(arguments);
    Device* const device = Device::of(fd);
    if (device == nullptr) return real::ioctl(fd, request, arg);
    return guarded([&] { return device->ioctl(fd, request, arg); });
}

ROSENBLATT_EXPORT void* mmap(void* address, size_t length, int protection, int flags, int fd,
                             off_t offset) noexcept {
    Device* const device = flags & MAP_ANONYMOUS ? nullptr : Device::of(fd);
    if (device == nullptr) return real::mmap(address, length, protection, flags, fd, offset);
    void* mapped = MAP_FAILED;
    const int result = guarded([&] {
        return device->mmap(fd, address, length, protection, flags, static_cast<uint64_t>(offset),
                            &mapped);
    });
    return result < 0 ? MAP_FAILED : mapped;
}
ROSENBLATT_EXPORT void* mmap64(void* address, size_t length, int protection, int flags, int fd,
                               off64_t offset) noexcept {
    return mmap(address, length, protection, flags, fd, offset);
}

ROSENBLATT_EXPORT int munmap(void* address, size_t length) noexcept {
    const int result = real::munmap(address, length);
    if (result == 0)
        for (Device* device = Device::newest(); device != nullptr; device = device->older())
            device->unmapped(address, length);
    return result;
}

ROSENBLATT_EXPORT int close(int fd) {
    Device* const device = Device::of(fd);
    if (device == nullptr) return real::close(fd);
    return guarded([&] { return device->close(fd); });
}
