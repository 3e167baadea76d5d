// SPDX-License-Identifier: MIT
// JobRunner: drives one emulated core through a job, register by register as rocket.ko does.
#pragma once

#include <cstdint>
#include <vector>

#include "emukernel/queued_job.hpp"
#include "emukernel/task_bus.hpp"
#include "emulator/core.hpp"
#include "npu/timing.hpp"

namespace rosenblatt::emukernel {

enum class RunEnd {
    Completed,
    CutOff,  ///< more than 500 ms of modelled time: the watchdog struck in the middle
    Hung,    ///< no interrupt: the watchdog will strike after 500 ms of real time
};

struct RunResult {
    RunEnd end = RunEnd::Completed;
    uint64_t tasks = 0;        ///< started
    uint64_t modelled_ns = 0;  ///< of the tasks that ended, and up to the watchdog
};

struct RunnerSettings {
    emulator::Switches switches;
    npu::Machine machine;
    double time_factor = 1;         ///< the fault "slow"
    bool remember_outputs = false;  ///< for the fault "stale"
};

/// The register writes with which rocket.ko starts a task.
void kick(emulator::Core& core, const drm_rocket_task& task);
/// What its interrupt handler does. False when the interrupt is not there or not the DPU's: the
/// driver then goes on waiting.
bool handle_interrupt(emulator::Core& core);

class JobRunner {
  public:
    JobRunner(unsigned core_index, const RunnerSettings& settings);

    /// Runs the tasks one after another; takes as long as the host needs.
    RunResult run(const QueuedJob& job);
    /// What the watchdog does to the core: both reset lines.
    void reset() { core_.reset(); }

  private:
    emulator::Core core_;
    RunnerSettings settings_;
};

}  // namespace rosenblatt::emukernel
