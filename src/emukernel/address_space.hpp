// SPDX-License-Identifier: MIT
// AddressSpace: the IOMMU domain of one open file: 4 GiB of IOVAs, which BO lies where, and the
// page table entries that a failed CREATE_BO of 2 GiB leaves behind.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "emukernel/host_memory.hpp"
#include "emukernel/range_allocator.hpp"

namespace rosenblatt::emukernel {

/// One BO as the NPU sees it. Holds the memory, so a view of it outlives the BO's closing.
struct IovaRange {
    uint64_t begin = 0;
    uint64_t end = 0;  ///< whole pages; above 32 bits for a range that ends at 4 GiB
    std::shared_ptr<HostMemory> memory;
};

/// What is mapped at one moment, ascending.
using IovaMap = std::vector<IovaRange>;

class AddressSpace {
  public:
    AddressSpace();

    /// Places `size` bytes (unrounded, as the driver does) and maps `memory`, which may be null for
    /// sizes that fail anyway. 0 and `iova`, or -ENOSPC without a hole, or -ENOMEM for 2 GiB and
    /// more and wherever such a failure left its entries.
    int map(uint32_t size, std::shared_ptr<HostMemory> memory, uint32_t* iova);
    void unmap(uint32_t iova);

    /// The current mappings. A task keeps the ones it started with, as if no TLB entry were dropped
    /// before it ends.
    std::shared_ptr<const IovaMap> mappings();

  private:
    struct PageRange {
        uint64_t begin;
        uint64_t end;
    };

    bool left_behind(uint64_t begin, uint64_t end) const;

    std::mutex mutex_;
    RangeAllocator allocator_;
    std::map<uint32_t, std::shared_ptr<HostMemory>> mapped_;
    std::vector<PageRange> left_behind_;
    std::shared_ptr<const IovaMap> snapshot_;  ///< null when out of date
};

}  // namespace rosenblatt::emukernel
