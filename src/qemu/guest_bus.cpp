// SPDX-License-Identifier: GPL-2.0-or-later
#include "qemu/guest_bus.hpp"

#include <algorithm>

namespace rosenblatt::qemu {

std::optional<emulator::Iova> GuestBus::read(emulator::Iova iova, std::span<std::byte> bytes) {
    return each_page(iova, bytes.size(), false,
                     [&](HardwareAddress physical, size_t offset, size_t size) {
                         host().copy_from_guest(physical, bytes.data() + offset, size);
                     });
}

std::optional<emulator::Iova> GuestBus::write(emulator::Iova iova,
                                              std::span<const std::byte> bytes) {
    return each_page(iova, bytes.size(), true,
                     [&](HardwareAddress physical, size_t offset, size_t size) {
                         host().copy_to_guest(physical, bytes.data() + offset, size);
                     });
}

template <typename Copy>
std::optional<emulator::Iova> GuestBus::each_page(emulator::Iova iova, size_t size, bool write,
                                                  Copy copy) {
    constexpr size_t k_page = 4096;
    for (size_t offset = 0; offset < size;) {
        const emulator::Iova at = iova + offset;
        const auto physical = translate(at, write);
        if (!physical) return at;
        const size_t piece = std::min(size - offset, k_page - static_cast<size_t>(at % k_page));
        copy(*physical, offset, piece);
        offset += piece;
    }
    return std::nullopt;
}

std::optional<HardwareAddress> GuestBus::translate(emulator::Iova iova, bool write) {
    if (iova >> 32) return std::nullopt;  // beyond the IOMMU's 32 bits
    if (faulting_ && (*faulting_)-- == 0) {
        faulting_.reset();
        iommu_.raise_fault(static_cast<uint32_t>(iova), write);
        return std::nullopt;
    }
    return iommu_.translate(static_cast<uint32_t>(iova), write);
}

}  // namespace rosenblatt::qemu
