// SPDX-License-Identifier: GPL-2.0-or-later
#include "qemu/iommu.hpp"

namespace rosenblatt::qemu {
namespace {

enum Register : uint32_t {
    DTE_ADDR = 0x00, STATUS = 0x04, COMMAND = 0x08, PAGE_FAULT_ADDR = 0x0c, ZAP_ONE_LINE = 0x10,
    INT_RAWSTAT = 0x14, INT_CLEAR = 0x18, INT_MASK = 0x1c, INT_STATUS = 0x20, AUTO_GATING = 0x24,
};

enum Command : uint32_t {
    EnablePaging, DisablePaging, EnableStall, DisableStall, ZapCache, PageFaultDone, ForceReset,
};

constexpr uint32_t k_valid = 1, k_readable = 2, k_writable = 4;
constexpr uint32_t k_page_fault_interrupt = 1;
constexpr unsigned k_level_directory = 1, k_level_table = 2, k_level_page = 4;

uint32_t load(HardwareAddress address) {
    uint32_t entry = 0;
    host().copy_from_guest(address, &entry, sizeof entry);
    return entry;
}

}  // namespace

void Iommu::reset() {
    *this = Iommu(version_);
}

uint32_t Iommu::read(uint32_t offset) const {
    switch (offset) {
        case DTE_ADDR: return directory_;
        case STATUS: return status_;
        case PAGE_FAULT_ADDR: return fault_address_;
        case INT_RAWSTAT: return raw_;
        case INT_MASK: return mask_;
        case INT_STATUS: return raw_ & mask_;
        case AUTO_GATING: return auto_gating_;
        default: return 0;
    }
}

void Iommu::write(uint32_t offset, uint32_t value) {
    switch (offset) {
        case DTE_ADDR:
            directory_ = value & (version_.truncate_register ? 0xffff'f000u : 0xffff'fff0u);
            break;
        case COMMAND: command(value); break;
        case INT_CLEAR: raw_ &= ~value; break;
        case INT_MASK: mask_ = value; break;
        case AUTO_GATING: auto_gating_ = value; break;
        default: break;  // ZAP_ONE_LINE: there is no TLB to zap
    }
}

void Iommu::command(uint32_t value) {
    switch (value) {
        case EnablePaging: status_ |= k_paging; break;
        case DisablePaging: status_ &= ~k_paging; break;
        case EnableStall: status_ |= k_stalled; break;
        case DisableStall: status_ &= ~k_stalled; break;
        case PageFaultDone: status_ &= ~(k_fault_active | k_fault_write); break;
        case ForceReset: reset(); break;
        default: break;
    }
}

// Version 2 packs bits 35:32 of an address into bits 11:8 of an entry and bits 39:36 into 7:4.
HardwareAddress Iommu::address_in(uint32_t entry, unsigned level) const {
    HardwareAddress address = entry & 0xffff'f000u;
    if (!version_.v1_format && !(version_.truncate & level)) {
        address |= static_cast<HardwareAddress>(entry >> 8 & 15) << 32;
        address |= static_cast<HardwareAddress>(entry >> 4 & 15) << 36;
    }
    return address;
}

std::optional<HardwareAddress> Iommu::translate(uint32_t iova, bool write) {
    if (!paging()) return iova;
    const uint32_t directory_entry =
        load(address_in(directory_, k_level_directory) + 4 * (iova >> 22));
    uint32_t page_entry = 0;
    if (directory_entry & k_valid)
        page_entry =
            load(address_in(directory_entry, k_level_table) + 4 * (iova >> 12 & 1023));
    const uint32_t wanted = k_valid | (write ? k_writable : k_readable);
    if ((page_entry & wanted) != wanted) {
        raise_fault(iova, write);
        return std::nullopt;
    }
    return address_in(page_entry, k_level_page) | (iova & 4095);
}

void Iommu::raise_fault(uint32_t iova, bool write) {
    fault_address_ = iova;
    raw_ |= k_page_fault_interrupt;
    status_ = (status_ & ~k_fault_write) | k_fault_active | (write ? k_fault_write : 0);
}

}  // namespace rosenblatt::qemu
