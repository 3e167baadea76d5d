// SPDX-License-Identifier: MIT
#include "emukernel/port.hpp"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "base/bits.hpp"

namespace rosenblatt::emukernel {
namespace {

constexpr int k_first_fd = 3;  // 0 to 2 would look like the standard streams in a log

}  // namespace

Result<std::unique_ptr<Port>> Port::create(Config config) {
    auto kernel = Kernel::create(std::move(config));
    if (!kernel) return kernel.error();
    return std::unique_ptr<Port>(new Port(std::move(kernel).value()));
}

Port::~Port() {
    if (kernel_->forked()) (void)new auto(std::move(mapped_));  // see File::~File
}

int Port::open(const char* path, int flags) {
    if (std::string_view(path) != k_device_path) return -ENOENT;
    OpenFile opened;
    const int result = kernel_->open(flags, &opened.file);
    return result < 0 ? result : add(std::move(opened));
}

int Port::close(int fd) {
    Descriptor closed;  // closing a file may wait for its jobs: not under the lock
    {
        std::lock_guard lock(mutex_);
        const auto found = descriptors_.find(fd);
        if (found == descriptors_.end()) return -EBADF;
        closed = std::move(found->second);
        descriptors_.erase(found);
    }
    return 0;
}

int Port::ioctl(int fd, unsigned long request, void* arg) {
    std::shared_ptr<Buffer> buffer;
    if (find(fd, &buffer) == 0) return -ENOTTY;
    const auto open_file = file(fd);
    if (!open_file) return -EBADF;
    return open_file->ioctl(request, reinterpret_cast<uintptr_t>(arg), *this);
}

int Port::mmap(int fd, size_t length, uint64_t offset, void** address) {
    const auto open_file = file(fd);
    if (!open_file) return -EBADF;
    const size_t pages = align_up<size_t>(length, k_page);
    std::shared_ptr<Buffer> buffer;
    const int found = open_file->find_mapping(offset, pages, &buffer);
    if (found < 0) return found;
    *address = buffer->memory()->bytes().data();
    std::lock_guard lock(mutex_);
    mapped_.insert({*address, {pages, std::move(buffer)}});
    return 0;
}

int Port::munmap(void* address, size_t length) {
    std::shared_ptr<Buffer> buffer;  // let go after the lock
    std::lock_guard lock(mutex_);
    const auto [first, last] = mapped_.equal_range(address);
    const auto found = std::find_if(first, last, [length](const auto& mapped) {
        return mapped.second.length == align_up<size_t>(length, k_page);
    });
    if (found == last) return -EINVAL;
    buffer = std::move(found->second.buffer);
    mapped_.erase(found);
    return 0;
}

int Port::install(std::shared_ptr<Buffer> buffer) {
    return add(DmaBuf{std::move(buffer)});
}

int Port::find(int fd, std::shared_ptr<Buffer>* buffer) {
    std::lock_guard lock(mutex_);
    const auto found = descriptors_.find(fd);
    if (found == descriptors_.end()) return -EBADF;
    const auto* const dma_buf = std::get_if<DmaBuf>(&found->second);
    if (!dma_buf) return -EINVAL;
    *buffer = dma_buf->buffer;
    return 0;
}

int Port::add(Descriptor descriptor) {
    std::lock_guard lock(mutex_);
    int fd = k_first_fd;
    while (descriptors_.contains(fd)) ++fd;
    descriptors_[fd] = std::move(descriptor);
    return fd;
}

std::shared_ptr<File> Port::file(int fd) {
    std::lock_guard lock(mutex_);
    const auto found = descriptors_.find(fd);
    if (found == descriptors_.end()) return nullptr;
    const auto* const open_file = std::get_if<OpenFile>(&found->second);
    return open_file ? open_file->file : nullptr;
}

}  // namespace rosenblatt::emukernel
