// SPDX-License-Identifier: MIT
// Buffer: the GEM object. Handles, dma-bufs, mappings and jobs share it; the last one to let go
// unmaps it from the address space of the file that made it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "emukernel/address_space.hpp"

namespace rosenblatt::emukernel {

/// Signalled once, when its job ends in whatever way. Guarded by the scheduler's lock.
struct Fence {
    bool signalled = false;
};

class Buffer {
  public:
    Buffer(std::shared_ptr<AddressSpace> space, std::shared_ptr<HostMemory> memory, uint32_t iova)
        : space_(std::move(space)), memory_(std::move(memory)), iova_(iova) {}
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { space_->unmap(iova_); }

    uint32_t iova() const { return iova_; }
    const std::shared_ptr<HostMemory>& memory() const { return memory_; }

    /// Jobs that write the buffer (the reservation object). Guarded by the scheduler's lock.
    std::vector<std::shared_ptr<Fence>> writers;
    /// What the last job left here, kept only for the fault "stale". Writers are in sequence, and
    /// only the running one touches it.
    std::vector<std::byte> last_output;

  private:
    std::shared_ptr<AddressSpace> space_;
    std::shared_ptr<HostMemory> memory_;
    uint32_t iova_;
};

}  // namespace rosenblatt::emukernel
