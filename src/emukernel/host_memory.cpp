// SPDX-License-Identifier: MIT
#include "emukernel/host_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/bits.hpp"

namespace rosenblatt::emukernel {
namespace {

// The window of DRM's fake mmap offsets: from 4 GiB on, 1 TiB long.
constexpr uint64_t k_first_offset = 1ull << 32;
constexpr uint64_t k_offset_window = 1ull << 40;
constexpr uint64_t k_growth_step = 1ull << 30;
constexpr uint64_t k_huge_page = 2ull << 20;

// Null: the host has none.
std::byte* map_own(uint64_t length) {
    const uint64_t extra = length < k_huge_page ? 0 : k_huge_page;  // to begin at a huge page
    void* const mapped = ::mmap(nullptr, length + extra, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    const auto begin = reinterpret_cast<uintptr_t>(mapped);
    const uint64_t before = extra ? align_up<uint64_t>(begin, k_huge_page) - begin : 0;
    std::byte* const bytes = static_cast<std::byte*>(mapped) + before;
    if (before > 0) ::munmap(mapped, before);
    if (before < extra) ::munmap(bytes + length, extra - before);
    ::madvise(bytes, length, MADV_HUGEPAGE);  // a wish
    return bytes;
}

}  // namespace

HostMemory::~HostMemory() {
    pool_->give_back(*this);
}

MemoryPool::MemoryPool(UniqueFd fd)
    : fd_(std::move(fd)), offsets_(k_first_offset, k_offset_window), owner_(::getpid()) {}

Result<std::shared_ptr<MemoryPool>> MemoryPool::create(Backing backing) {
    if (backing == Backing::Own) return std::shared_ptr<MemoryPool>(new MemoryPool(UniqueFd()));
    UniqueFd fd(::memfd_create("rosenblatt-npu", MFD_CLOEXEC));
    if (!fd.valid())
        return Error{errno, std::string("The emulated NPU got no memory (memfd_create: ") +
                                std::strerror(errno) + "); is memfd forbidden in this container?"};
    return std::shared_ptr<MemoryPool>(new MemoryPool(std::move(fd)));
}

std::shared_ptr<HostMemory> MemoryPool::allocate(uint64_t size) {
    const uint64_t length = align_up(size, k_page);
    std::lock_guard lock(mutex_);
    const auto offset = offsets_.insert(length, k_page);
    if (!offset) return nullptr;
    std::byte* const mapped = fd_.valid() ? map(*offset, length) : map_own(length);
    if (!mapped) {
        offsets_.remove(*offset);
        return nullptr;
    }
    return std::make_shared<HostMemory>(shared_from_this(), *offset, std::span(mapped, length));
}

// A part of the memfd; null: the host has no memory.
std::byte* MemoryPool::map(uint64_t offset, uint64_t length) {
    if (!grow_to(offset + length)) return nullptr;
    void* const mapped = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                                fd_.get(), static_cast<off_t>(offset));
    return mapped == MAP_FAILED ? nullptr : static_cast<std::byte*>(mapped);
}

bool MemoryPool::begins_at(uint64_t offset) {
    std::lock_guard lock(mutex_);
    return offsets_.begins_at(offset);
}

bool MemoryPool::grow_to(uint64_t end) {
    if (end <= file_size_) return true;
    const uint64_t size = align_up(end, k_growth_step);
    // Past RLIMIT_FSIZE ftruncate would not only fail but kill the process with SIGXFSZ.
    rlimit limit{};
    if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < size) return false;
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) < 0) return false;
    file_size_ = size;
    return true;
}

void MemoryPool::give_back(const HostMemory& memory) {
    const auto bytes = memory.bytes();
    ::munmap(bytes.data(), bytes.size());
    if (::getpid() != owner_) return;  // a forked child: the memory is the parent's
    std::lock_guard lock(mutex_);
    // The hole reads as zeros, which is what the next owner of these offsets must find.
    if (fd_.valid())
        ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    static_cast<off_t>(memory.offset()), static_cast<off_t>(bytes.size()));
    offsets_.remove(memory.offset());
}

}  // namespace rosenblatt::emukernel
