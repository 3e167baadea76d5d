// SPDX-License-Identifier: MIT
// Memory of the emulated device. A BO's mmap offset is its place in one sparse memfd, so that a
// real mmap (by the shim's host program) sees the same bytes as the emulated NPU; or that memfd is
// left out, and only who asks the pool sees them.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "emukernel/range_allocator.hpp"

namespace rosenblatt::emukernel {

constexpr uint64_t k_page = 4096;

class MemoryPool;

enum class Backing {
    Own,   ///< private memory in huge pages, where the host has them: touching it first is quicker
    File,  ///< the memfd
};

/// Pages of one BO; given back to the pool at the end.
class HostMemory {
  public:
    HostMemory(std::shared_ptr<MemoryPool> pool, uint64_t offset, std::span<std::byte> bytes)
        : pool_(std::move(pool)), offset_(offset), bytes_(bytes) {}
    HostMemory(const HostMemory&) = delete;
    HostMemory& operator=(const HostMemory&) = delete;
    ~HostMemory();

    uint64_t offset() const { return offset_; }            ///< mmap offset
    std::span<std::byte> bytes() const { return bytes_; }  ///< whole pages

  private:
    std::shared_ptr<MemoryPool> pool_;
    uint64_t offset_;
    std::span<std::byte> bytes_;
};

class MemoryPool : public std::enable_shared_from_this<MemoryPool> {
  public:
    static Result<std::shared_ptr<MemoryPool>> create(Backing backing);

    /// Zeroed whole pages for `size` bytes; null when the host has none. Unlike the kernel's, they
    /// are not pinned: the host gives a page at its first touch.
    std::shared_ptr<HostMemory> allocate(uint64_t size);

    /// Is `offset` where some BO begins?
    bool begins_at(uint64_t offset);

    /// The memfd; -1 where there is none.
    int fd() const { return fd_.get(); }

  private:
    friend class HostMemory;
    explicit MemoryPool(UniqueFd fd);
    void give_back(const HostMemory& memory);
    bool grow_to(uint64_t end);
    std::byte* map(uint64_t offset, uint64_t length);

    UniqueFd fd_;
    std::mutex mutex_;
    RangeAllocator offsets_;
    uint64_t file_size_ = 0;
    pid_t owner_;
};

}  // namespace rosenblatt::emukernel
