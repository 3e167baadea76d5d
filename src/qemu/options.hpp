// SPDX-License-Identifier: GPL-2.0-or-later
// What can be set with `-plugin rosenblatt-qemu-npu.so,name=value,...` (docs/lab.md).
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "qemu/host.hpp"

namespace rosenblatt::qemu {

struct DeviceOptions {
    unsigned cores = 3;
    HardwareAddress base = 0x0b00'0000;  ///< core n stands at base + n * 64 KiB (a hole of `virt`)
    int spi = 176;                       ///< core n interrupts on SPI spi + n
    double clock_mhz = 600;
    std::string log;    ///< file: one line per event
    std::string stats;  ///< file: JSON at exit

    // Faults of the hardware, for the hazard table and the soak.
    unsigned truncate = 0;     ///< IOMMU drops address bits 39:32 of: 1 directory, 2 table, 4 page
    bool truncate_register = false;  ///< DTE_ADDR itself loses the bits, so it reads back without
    bool v1_format = false;          ///< page table entries of the first IOMMU version
    unsigned hang_permille = 0;      ///< tasks that never end
    unsigned lose_irq_permille = 0;  ///< tasks that end without their interrupt
    unsigned dma_error_permille = 0; ///< tasks that meet an IOMMU fault on their way
    uint32_t seed = 1;               ///< of the three above
    double slow = 1;                 ///< factor on modelled time
};

/// Reads one `name=value`; an error is a sentence with the allowed names.
Result<void> apply(DeviceOptions& options, const std::string& argument);

}  // namespace rosenblatt::qemu
