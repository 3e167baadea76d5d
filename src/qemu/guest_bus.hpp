// SPDX-License-Identifier: GPL-2.0-or-later
// GuestBus: the emulator's memory, behind the IOMMU's page tables, in the guest's RAM.
#pragma once

#include "emulator/bus.hpp"
#include "qemu/iommu.hpp"

namespace rosenblatt::qemu {

class GuestBus final : public emulator::Bus {
  public:
    explicit GuestBus(Iommu& iommu) : iommu_(iommu) {}

    std::optional<emulator::Iova> read(emulator::Iova iova, std::span<std::byte> bytes) override;
    std::optional<emulator::Iova> write(emulator::Iova iova,
                                        std::span<const std::byte> bytes) override;
    /// Pages lie scattered in the guest: there is never one piece.
    const std::byte* view(emulator::Iova, size_t) override { return nullptr; }

    /// Page number `page` of those touched from now on meets a fault (nothing: none does).
    void fault_at(std::optional<unsigned> page) { faulting_ = page; }

  private:
    /// Calls copy(guest-physical address, offset, size) for every page of the range.
    template <typename Copy>
    std::optional<emulator::Iova> each_page(emulator::Iova iova, size_t size, bool write,
                                            Copy copy);
    std::optional<HardwareAddress> translate(emulator::Iova iova, bool write);

    Iommu& iommu_;
    std::optional<unsigned> faulting_;
};

}  // namespace rosenblatt::qemu
