// SPDX-License-Identifier: GPL-2.0-or-later
// One bank of the Rockchip IOMMU: registers, commands, the two-level page walk. Sources: kernel.md
// 1.7 (what the driver writes and polls), lab.md 3.4 (what it needs to read back).
#pragma once

#include <cstdint>
#include <optional>

#include "qemu/host.hpp"

namespace rosenblatt::qemu {

/// Where silicon of another IOMMU version differs from version 2.
struct IommuVersion {
    bool v1_format = false;          ///< entries hold address bits 31:12 only
    unsigned truncate = 0;           ///< ignore bits 39:32 of: 1 directory, 2 page table, 4 page
    bool truncate_register = false;  ///< DTE_ADDR does not even store bits 11:4
};

class Iommu {
  public:
    explicit Iommu(const IommuVersion& version) : version_(version) {}

    uint32_t read(uint32_t offset) const;
    void write(uint32_t offset, uint32_t value);
    bool irq_level() const { return (raw_ & mask_) != 0; }
    void reset();

    bool paging() const { return status_ & k_paging; }
    /// The guest-physical address of `iova`. Nothing: the fault has been latched.
    std::optional<HardwareAddress> translate(uint32_t iova, bool write);
    /// Latches a page fault that no walk found (fault injection).
    void raise_fault(uint32_t iova, bool write);

  private:
    static constexpr uint32_t k_paging = 1u << 0, k_fault_active = 1u << 1, k_stalled = 1u << 2,
                              k_idle = 1u << 3, k_replay_empty = 1u << 4, k_fault_write = 1u << 5;

    HardwareAddress address_in(uint32_t entry, unsigned level) const;
    void command(uint32_t value);

    IommuVersion version_;
    uint32_t directory_ = 0;
    uint32_t status_ = k_idle | k_replay_empty;
    uint32_t raw_ = 0, mask_ = 0;
    uint32_t fault_address_ = 0;
    uint32_t auto_gating_ = 0;
};

}  // namespace rosenblatt::qemu
