// SPDX-License-Identifier: MIT
// Bus: the memory a core sees, addressed by IOVA. Whoever owns the emulator implements it: the fake
// kernel over its BOs, the QEMU device over guest pages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace rosenblatt::emulator {

/// An address behind the core's IOMMU. 32 bits in the registers; the sum with TASK_DMA_BASE_ADDR
/// may need one more.
using Iova = uint64_t;

class Bus {
  public:
    virtual ~Bus() = default;

    /// Copies [iova, iova + size). On a fault: the first IOVA that cannot be read (bytes before it
    /// may have been copied).
    virtual std::optional<Iova> read(Iova iova, std::span<std::byte> bytes) = 0;
    virtual std::optional<Iova> write(Iova iova, std::span<const std::byte> bytes) = 0;

    /// The host's address of [iova, iova + size) when that is one readable piece, else null: the
    /// caller then reads, which also names the fault. Valid until the next mapping change.
    virtual const std::byte* view(Iova iova, size_t size) = 0;
};

}  // namespace rosenblatt::emulator
