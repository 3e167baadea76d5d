// SPDX-License-Identifier: MIT
// Core: one of the three NPU cores, driven through the three register windows that rocket maps.
//
//   core.write_register(Window::Pc, 0x08, 1);  // the kick, the last of rocket.ko's ten writes
//   if (core.task_pending())
//       outcome = core.run_task(bus);          // synchronous, on the caller's thread
//   ... when outcome.modelled_ns have passed:
//   core.complete();                           // raises the interrupt bits, frees the groups
//   core.write_register(Window::Pc, 0x08, 0);  // the handler's, before another kick
//
// Never aborts, never throws, touches memory only through the Bus; cores share nothing.
#pragma once

#include <cstdint>
#include <memory>

#include "emulator/bus.hpp"
#include "emulator/switches.hpp"
#include "emulator/task.hpp"
#include "npu/timing.hpp"

namespace rosenblatt::emulator {

/// The three 4 KiB windows of the device tree node: offsets +0x0000, +0x1000 and +0x3000.
enum class Window : uint8_t { Pc, Cna, Core };

class CoreState;

class Core {
  public:
    explicit Core(unsigned index, const Switches& switches = {});
    Core(Core&&) noexcept;
    Core& operator=(Core&&) noexcept;
    ~Core();

    unsigned index() const { return index_; }
    const Switches& switches() const;
    void set_switches(const Switches& switches);
    void set_machine(const npu::Machine& machine);  ///< clock and DRAM, for modelled time only

    /// Both reset lines: registers, groups, CBUF and interrupts are as after power-on.
    void reset();

    /// `offset` is inside the window; anything outside 4 KiB or unaligned is ignored (reads 0).
    void write_register(Window window, uint32_t offset, uint32_t value);
    uint32_t read_register(Window window, uint32_t offset) const;

    /// True from OPERATION_ENABLE = 1 until run_task.
    bool task_pending() const;
    /// Fetches and executes what was kicked. Without a pending task: Hung.
    TaskOutcome run_task(Bus& bus);
    /// Lets the outcome of the last run_task become visible: Done raises the interrupt bits of the
    /// executing groups and switches groups, BusFault the DMA error bit; Hung does nothing.
    void complete();

    /// Level of the interrupt line: (RAW & MASK) != 0.
    bool irq_level() const;

  private:
    unsigned index_;
    std::unique_ptr<CoreState> state_;
};

}  // namespace rosenblatt::emulator
