// SPDX-License-Identifier: MIT
#include "shim/device.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/bits.hpp"
#include "base/options.hpp"
#include "shim/system_calls.hpp"

namespace rosenblatt::shim {
namespace {

constexpr double k_clock_mhz = 600;

std::atomic<Device*> g_newest{nullptr};

// Neither is ever destroyed: other destructors may still use the device.
std::mutex& making() {
    static auto* mutex = new std::mutex;
    return *mutex;
}

void complain(const std::string& sentence) {
    const std::string line = "librosenblatt-shim: " + sentence + "\n";
    (void)!::write(STDERR_FILENO, line.data(), line.size());
}

emukernel::Config config_from_environment() {
    const ParsedOptions parsed = read_options();
    for (const std::string& complaint : parsed.complaints) complain(complaint);
    emukernel::Config config;
    config.backing = emukernel::Backing::File;
    config.machine = {parsed.options.clock_mhz.value_or(k_clock_mhz), parsed.options.board, 3};
    auto faults = emukernel::parse_faults(parsed.options.fault);
    if (faults)
        config.faults = std::move(*faults);
    else
        complain("GGML_ROCKET_FAULT: " + faults.error().message + " No fault is injected.");
    return config;
}

}  // namespace

Device::Device(std::shared_ptr<emukernel::Kernel> kernel)
    : kernel_(std::move(kernel)), older_(g_newest.load()) {
    struct stat status {};
    ::fstat(kernel_->memory_fd(), &status);
    filesystem_ = status.st_dev;
    inode_ = status.st_ino;
}

Device* Device::newest() {
    return g_newest.load(std::memory_order_acquire);
}

int Device::get(Device** device) {
    const std::lock_guard lock(making());
    *device = newest();
    return *device != nullptr && !(*device)->kernel_->forked() ? 0 : make(device);
}

int Device::make(Device** device) {
    auto kernel = emukernel::Kernel::create(config_from_environment());
    if (!kernel) {
        complain(kernel.error().message);
        return -ENODEV;
    }
    static const int registered = ::pthread_atfork(before_fork, after_fork, after_fork);
    if (registered != 0) return -registered;
    *device = new Device(std::move(*kernel));
    g_newest.store(*device, std::memory_order_release);
    return 0;
}

// A child must not find our locks held by threads it does not have.
void Device::before_fork() {
    making().lock();
    newest()->descriptions_mutex_.lock();
    newest()->mappings_mutex_.lock();
}
void Device::after_fork() {
    newest()->mappings_mutex_.unlock();
    newest()->descriptions_mutex_.unlock();
    making().unlock();
}

bool Device::owns(int fd) const {
    struct stat status {};
    return ::fstat(fd, &status) == 0 && status.st_ino == inode_ && status.st_dev == filesystem_;
}

Device* Device::of(int fd) {
    for (Device* device = newest(); device != nullptr; device = device->older_)
        if (device->owns(fd)) return device;
    return nullptr;
}

int Device::open(int flags) {
    Description opened;
    const int result = kernel_->open(flags, &opened.file);
    return result < 0 ? result : add(std::move(opened), flags);
}

int Device::add(Description description, int flags) {
    const std::string path = "/proc/self/fd/" + std::to_string(kernel_->memory_fd());
    constexpr int k_kept = O_ACCMODE | O_CLOEXEC | O_NONBLOCK;
    const std::lock_guard lock(descriptions_mutex_);
    const int fd = real::openat(AT_FDCWD, path.c_str(), flags & k_kept, 0);
    if (fd < 0) return -errno;
    ::lseek(fd, ++last_position_, SEEK_SET);
    descriptions_[last_position_] = std::move(description);
    return fd;
}

Device::Description Device::description(int fd) {
    const std::lock_guard lock(descriptions_mutex_);
    const auto found = descriptions_.find(::lseek(fd, 0, SEEK_CUR));
    return found == descriptions_.end() ? Description{} : found->second;
}

int Device::ioctl(int fd, unsigned long request, void* arg) {
    const Description called = description(fd);
    if (!called.file) return -ENOTTY;
    return called.file->ioctl(request, reinterpret_cast<uintptr_t>(arg), *this);
}

int Device::install(std::shared_ptr<emukernel::Buffer> buffer) {
    return add({nullptr, std::move(buffer)}, O_RDWR | O_CLOEXEC);
}

int Device::find(int fd, std::shared_ptr<emukernel::Buffer>* buffer) {
    if (!owns(fd)) return ::fcntl(fd, F_GETFD) < 0 ? -EBADF : -EINVAL;
    const Description named = description(fd);
    if (!named.buffer) return -EINVAL;
    *buffer = named.buffer;
    return 0;
}

// A file maps at the offset CREATE_BO answered, a dma-buf from its own beginning.
int Device::find_buffer(const Description& description, uint64_t offset, size_t length,
                        std::shared_ptr<emukernel::Buffer>* buffer, uint64_t* memfd_offset) {
    *memfd_offset = offset;
    if (description.file) return description.file->find_mapping(offset, length, buffer);
    if (!description.buffer) return -EINVAL;
    const auto& memory = *description.buffer->memory();
    if (offset > memory.bytes().size() || length > memory.bytes().size() - offset) return -EINVAL;
    *buffer = description.buffer;
    *memfd_offset = memory.offset() + offset;
    return 0;
}

int Device::mmap(int fd, void* address, size_t length, int protection, int flags, uint64_t offset,
                 void** mapped) {
    // The kernel's own mapping of a BO, through the descriptor that stays at the beginning.
    const bool ours = ::lseek(fd, 0, SEEK_CUR) == 0;
    std::shared_ptr<emukernel::Buffer> buffer;
    uint64_t memfd_offset = offset;
    const size_t pages = align_up<size_t>(length, emukernel::k_page);
    if (!ours) {
        const int found = find_buffer(description(fd), offset, pages, &buffer, &memfd_offset);
        if (found < 0) return found;
        if ((flags & MAP_TYPE) == MAP_PRIVATE) return -EINVAL;  // shmem BOs refuse copies
    }
    *mapped =
        real::mmap(address, length, protection, flags, fd, static_cast<int64_t>(memfd_offset));
    if (*mapped == MAP_FAILED) return -errno;
    if (ours) return 0;
    Mappings one;
    one[reinterpret_cast<uintptr_t>(*mapped)] = {pages, std::move(buffer)};
    Mappings::insert_return_type replaced;  // let go after the lock
    const std::lock_guard lock(mappings_mutex_);
    replaced = mappings_.insert(one.extract(one.begin()));
    if (!replaced.inserted) std::swap(replaced.position->second, replaced.node.mapped());
    return 0;
}

void Device::unmapped(void* address, size_t length) {
    if (kernel_->forked()) return;  // the parent's; its locks may be held by threads not here
    const auto begin = reinterpret_cast<uintptr_t>(address);
    const uintptr_t end = begin + length;
    for (;;) {
        Mappings::node_type gone;  // let go after the lock
        const std::lock_guard lock(mappings_mutex_);
        const auto first = mappings_.lower_bound(begin);
        if (first == mappings_.end() || first->first >= end) return;
        if (first->first + first->second.length > align_up<uintptr_t>(end, emukernel::k_page))
            return;
        gone = mappings_.extract(first);
    }
}

int Device::close(int fd) {
    // A program that closes all numbers it does not know must not close the memory under us.
    if (fd == kernel_->memory_fd()) return -EBADF;
    if (real::close(fd) < 0) return -errno;
    if (!kernel_->forked()) forget_closed();
    return 0;
}

// Duplicates are made without our knowing, so only the list of open descriptors tells what is left.
void Device::forget_closed() {
    std::vector<Description> gone;  // closing a file may wait for its jobs: not under the lock
    const std::lock_guard lock(descriptions_mutex_);
    DIR* const directory = ::opendir("/proc/self/fd");
    if (directory == nullptr) return;
    std::set<off_t> open;
    while (const dirent* const entry = ::readdir(directory)) {
        int fd = -1;
        const char* const name = entry->d_name;
        if (std::from_chars(name, name + std::strlen(name), fd).ec != std::errc{}) continue;
        if (owns(fd)) open.insert(::lseek(fd, 0, SEEK_CUR));
    }
    ::closedir(directory);
    for (auto at = descriptions_.begin(); at != descriptions_.end();) {
        if (open.contains(at->first)) {
            ++at;
            continue;
        }
        gone.push_back(std::move(at->second));
        at = descriptions_.erase(at);
    }
}

}  // namespace rosenblatt::shim
