// SPDX-License-Identifier: GPL-2.0-or-later
#include "qemu/guest_bus.hpp"

#include <algorithm>

namespace rosenblatt::qemu {

std::optional<emulator::Iova> GuestBus::read(emulator::Iova iova, std::span<std::byte> bytes) {
    return transfer(iova, bytes.data(), bytes.size(), false);
}

std::optional<emulator::Iova> GuestBus::write(emulator::Iova iova,
                                              std::span<const std::byte> bytes) {
    // QEMU's one function for both directions takes a mutable buffer; a write only reads it.
    return transfer(iova, const_cast<std::byte*>(bytes.data()), bytes.size(), true);
}

std::optional<emulator::Iova> GuestBus::transfer(emulator::Iova iova, std::byte* bytes,
                                                 size_t size, bool write) {
    constexpr size_t k_page = 4096;
    while (size > 0) {
        if (iova >> 32) return iova;  // beyond the IOMMU's 32 bits
        const size_t piece = std::min(size, k_page - static_cast<size_t>(iova % k_page));
        const auto physical = iommu_.translate(static_cast<uint32_t>(iova), write);
        if (!physical) return iova;
        host().cpu_physical_memory_rw(*physical, bytes, piece, write);
        iova += piece;
        bytes += piece;
        size -= piece;
    }
    return std::nullopt;
}

}  // namespace rosenblatt::qemu
