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

  private:
    std::optional<emulator::Iova> transfer(emulator::Iova iova, std::byte* bytes, size_t size,
                                           bool write);
    Iommu& iommu_;
};

}  // namespace rosenblatt::qemu
