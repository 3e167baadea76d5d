// SPDX-License-Identifier: GPL-2.0-or-later
// NpuDevice: one core as the guest sees it: 64 KiB of registers, one interrupt line, DMA through its
// IOMMU, and the time its tasks take.
#pragma once

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <random>
#include <utility>

#include "emulator/core.hpp"
#include "qemu/guest_bus.hpp"
#include "qemu/iommu.hpp"
#include "qemu/options.hpp"

namespace rosenblatt::qemu {

/// What a core has done, for the stats file and the comparison with the guest's own account.
struct CoreAccount {
    uint64_t tasks = 0, hung = 0, faulted = 0, irqs_lost = 0, resets = 0;
    double modelled_ns = 0;
};

class NpuDevice {
  public:
    NpuDevice(unsigned index, const DeviceOptions& options, std::FILE* log);
    NpuDevice(const NpuDevice&) = delete;
    NpuDevice& operator=(const NpuDevice&) = delete;

    /// Adds the registers to the machine's memory and takes the interrupt line of the GIC.
    void attach(void* interrupt_controller);
    const CoreAccount& account() const { return account_; }

  private:
    static uint64_t on_read(void* self, HardwareAddress address, unsigned size);
    static void on_write(void* self, HardwareAddress address, uint64_t value, unsigned size);
    static void on_timer(void* self);

    uint32_t read(uint32_t address);
    void write(uint32_t address, uint32_t value);
    void write_cna(uint32_t offset, uint32_t value);
    void write_reset(uint32_t offset, uint32_t value);
    void run_task();
    void finish_later(double ns);
    void update_irq();
    bool happens(unsigned permille);
    /// One line of the log, behind this core's name.
    template <typename... T>
    void note(fmt::format_string<T...> format, T&&... values) {
        if (!log_) return;
        fmt::print(log_, "core{} {}\n", index_, fmt::format(format, std::forward<T>(values)...));
        std::fflush(log_);
    }

    unsigned index_;
    DeviceOptions options_;
    std::FILE* log_;
    emulator::Core core_;
    std::array<Iommu, 2> banks_;  ///< core 0 has two register sets, the others use the second
    GuestBus bus_;
    std::minstd_rand random_;
    void* irq_ = nullptr;
    std::array<uint64_t, 64> timer_{};     ///< storage for a QEMUTimer, larger in no version
    std::array<uint64_t, 512> region_{};   ///< storage for a MemoryRegion
    std::array<uint32_t, 16> reset_lines_{};
    std::optional<uint32_t> group_pointer_;  ///< last S_POINTER written to the CNA
    bool task_running_ = false;
    CoreAccount account_;
};

}  // namespace rosenblatt::qemu
