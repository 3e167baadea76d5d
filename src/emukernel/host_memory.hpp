// SPDX-License-Identifier: MIT
// Memory of the emulated device: one sparse memfd for all BOs, in which a BO's place is its mmap
// offset. So a real mmap of that memfd (by the shim's host program) sees the same bytes as the
// emulated NPU.
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

/// Pages of one BO, mapped shared; given back to the pool at the end.
class HostMemory {
  public:
    HostMemory(std::shared_ptr<MemoryPool> pool, uint64_t offset, std::span<std::byte> bytes)
        : pool_(std::move(pool)), offset_(offset), bytes_(bytes) {}
    HostMemory(const HostMemory&) = delete;
    HostMemory& operator=(const HostMemory&) = delete;
    ~HostMemory();

    uint64_t offset() const { return offset_; }            ///< mmap offset = place in the memfd
    std::span<std::byte> bytes() const { return bytes_; }  ///< whole pages

  private:
    std::shared_ptr<MemoryPool> pool_;
    uint64_t offset_;
    std::span<std::byte> bytes_;
};

class MemoryPool : public std::enable_shared_from_this<MemoryPool> {
  public:
    static Result<std::shared_ptr<MemoryPool>> create();

    /// Zeroed whole pages for `size` bytes; null when the host has none. Unlike the kernel's, they
    /// are not pinned: the host gives a page at its first touch.
    std::shared_ptr<HostMemory> allocate(uint64_t size);

    /// Is `offset` where some BO begins?
    bool begins_at(uint64_t offset);

    int fd() const { return fd_.get(); }

  private:
    friend class HostMemory;
    explicit MemoryPool(UniqueFd fd);
    void give_back(const HostMemory& memory);
    bool grow_to(uint64_t end);

    UniqueFd fd_;
    std::mutex mutex_;
    RangeAllocator offsets_;
    uint64_t file_size_ = 0;
    pid_t owner_;
};

}  // namespace rosenblatt::emukernel
