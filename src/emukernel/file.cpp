// SPDX-License-Identifier: MIT
#include "emukernel/file.hpp"

#include <fcntl.h>
#include <linux/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "drm/rocket_accel.h"
#include "emukernel/user_memory.hpp"

namespace rosenblatt::emukernel {
namespace {

// Numbers of syncobj calls, which a driver without that feature answers with EOPNOTSUPP.
constexpr unsigned k_first_syncobj = 0xbf;
constexpr unsigned k_last_syncobj = 0xc5;

template <typename T>
T& as(void* data) {
    return *static_cast<T*>(data);
}

// VERSION's strings: as many bytes as the caller has room for, no terminator, and the full length.
int copy_string(const char* text, char* user, __kernel_size_t* length) {
    const size_t full = std::strlen(text);
    const size_t room = std::min<size_t>(full, *length);
    *length = full;
    if (room == 0 || !user) return 0;
    return copy_to_user(reinterpret_cast<uintptr_t>(user), text, room) ? 0 : -EFAULT;
}

}  // namespace

struct File::Command {
    unsigned number;
    size_t size;
    int (File::*call)(void*, BufferFds&);
};

const File::Command* File::find_command(unsigned number) {
    static constexpr Command k_commands[] = {
        {0x00, sizeof(drm_rocket_version), &File::version},
        {0x09, sizeof(drm_rocket_gem_close), &File::gem_close},
        {0x2d, sizeof(drm_rocket_prime_handle), &File::prime_handle_to_fd},
        {0x2e, sizeof(drm_rocket_prime_handle), &File::prime_fd_to_handle},
        {0x40, sizeof(drm_rocket_create_bo), &File::create_bo},
        {0x41, sizeof(drm_rocket_submit), &File::submit},
        {0x42, sizeof(drm_rocket_prep_bo), &File::prep_bo},
        {0x43, sizeof(drm_rocket_fini_bo), &File::fini_bo},
    };
    static constexpr Command k_syncobj = {0, 0, &File::unsupported};
    if (number >= k_first_syncobj && number <= k_last_syncobj) return &k_syncobj;
    for (const Command& command : k_commands)
        if (command.number == number) return &command;
    return nullptr;
}

File::File(std::shared_ptr<Kernel> kernel)
    : kernel_(std::move(kernel)),
      space_(std::make_shared<AddressSpace>()),
      lane_(kernel_->take_lane_number()) {
    kernel_->scheduler_->add(entity_);
}

File::~File() {
    if (kernel_->forked()) {
        // A lock may have been held at the fork by a thread that is not here: leave all as it is.
        (void)new auto(std::move(handles_));
        return;
    }
    handles_.clear();
    kernel_->scheduler_->remove(entity_);
    kernel_->give_back_lane_number(lane_);
}

// As drm_ioctl: the number alone chooses the call; size and direction bits only say how much of the
// argument is copied, the rest is zero.
int File::ioctl(unsigned long request, uint64_t arg, BufferFds& fds) {
    if (kernel_->gone()) return -ENODEV;
    if (_IOC_TYPE(request) != 'd') return -ENOTTY;
    const Command* const command = find_command(_IOC_NR(request));
    if (!command) return -EINVAL;

    const size_t size = _IOC_SIZE(request);
    std::vector<uint64_t> data((std::max(size, command->size) + 7) / 8);
    if ((_IOC_DIR(request) & _IOC_WRITE) && size && !copy_from_user(data.data(), arg, size))
        return -EFAULT;
    const int result = (this->*command->call)(data.data(), fds);
    if ((_IOC_DIR(request) & _IOC_READ) && size && !copy_to_user(arg, data.data(), size))
        return -EFAULT;
    return result;
}

int File::version(void* data, BufferFds&) {
    auto& version = as<drm_rocket_version>(data);
    version.version_major = 0;
    version.version_minor = 0;
    version.version_patchlevel = 0;
    int result = copy_string("rocket", version.name, &version.name_len);
    if (result == 0) result = copy_string("0", version.date, &version.date_len);
    if (result == 0) result = copy_string("rocket DRM", version.desc, &version.desc_len);
    return result;
}

int File::unsupported(void*, BufferFds&) {
    return -EOPNOTSUPP;
}

int File::gem_close(void* data, BufferFds&) {
    std::shared_ptr<Buffer> closed;  // let go after the lock
    std::lock_guard lock(mutex_);
    const auto handle = handles_.find(as<drm_rocket_gem_close>(data).handle);
    if (handle == handles_.end()) return -EINVAL;
    lowest_maybe_free_ = std::min(lowest_maybe_free_, handle->first);
    closed = std::move(handle->second);
    handles_.erase(handle);
    return 0;
}

int File::prime_handle_to_fd(void* data, BufferFds& fds) {
    auto& prime = as<drm_rocket_prime_handle>(data);
    if (prime.flags & ~static_cast<uint32_t>(O_CLOEXEC | O_RDWR)) return -EINVAL;
    auto buffer = look_up(prime.handle);
    if (!buffer) return -ENOENT;
    const int fd = fds.install(std::move(buffer));
    if (fd < 0) return fd;
    prime.fd = fd;
    return 0;
}

// The importing file gets a handle, but the buffer's address stays in the exporter's address space.
int File::prime_fd_to_handle(void* data, BufferFds& fds) {
    auto& prime = as<drm_rocket_prime_handle>(data);
    std::shared_ptr<Buffer> buffer;
    const int found = fds.find(prime.fd, &buffer);
    if (found < 0) return found;
    {
        std::lock_guard lock(mutex_);
        for (const auto& [handle, known] : handles_)
            if (known == buffer) return prime.handle = handle, 0;
    }
    prime.handle = add_handle(std::move(buffer));
    return 0;
}

int File::create_bo(void* data, BufferFds&) {
    auto& create = as<drm_rocket_create_bo>(data);
    if (kernel_->faults_.next_bo_fails(lane_)) return -ENOSPC;
    if (create.size == 0) return -ENOSPC;

    // From 2 GiB on the call fails in AddressSpace::map; the memory would be allocated for nothing.
    const bool mappable = create.size <= (2u << 30) - k_page;
    auto memory = mappable ? kernel_->memory_->allocate(create.size) : nullptr;
    if (mappable && !memory) return -ENOMEM;
    uint32_t iova = 0;
    const int mapped = space_->map(create.size, memory, &iova);
    if (mapped < 0) return mapped;

    create.dma_address = iova;
    create.offset = memory->offset();
    create.handle = add_handle(std::make_shared<Buffer>(space_, std::move(memory), iova));
    return 0;
}

// On a cached CPU mapping the kernel also does cache maintenance here; memory of one host has none.
int File::prep_bo(void* data, BufferFds&) {
    const auto& prep = as<drm_rocket_prep_bo>(data);
    if (prep.reserved != 0) return -EINVAL;
    const auto buffer = look_up(prep.handle);
    if (!buffer) return -ENOENT;
    return kernel_->scheduler_->wait_for_writers(*buffer, prep.timeout_ns);
}

int File::fini_bo(void* data, BufferFds&) {
    const auto& fini = as<drm_rocket_fini_bo>(data);
    if (fini.reserved != 0) return -EINVAL;
    return look_up(fini.handle) ? 0 : -ENOENT;
}

int File::find_mapping(uint64_t offset, size_t length, std::shared_ptr<Buffer>* buffer) {
    if (kernel_->gone()) return -ENODEV;
    std::lock_guard lock(mutex_);
    for (const auto& [handle, known] : handles_) {
        if (known->memory()->offset() != offset) continue;
        if (length == 0 || length > known->memory()->bytes().size()) return -EINVAL;
        *buffer = known;
        return 0;
    }
    return kernel_->memory_->begins_at(offset) ? -EACCES : -EINVAL;
}

std::shared_ptr<Buffer> File::look_up(uint32_t handle) {
    std::lock_guard lock(mutex_);
    const auto found = handles_.find(handle);
    return found == handles_.end() ? nullptr : found->second;
}

// The lowest free number from 1 up.
uint32_t File::add_handle(std::shared_ptr<Buffer> buffer) {
    std::lock_guard lock(mutex_);
    uint32_t number = lowest_maybe_free_;
    while (handles_.contains(number)) ++number;
    lowest_maybe_free_ = number + 1;
    handles_[number] = std::move(buffer);
    return number;
}

}  // namespace rosenblatt::emukernel
