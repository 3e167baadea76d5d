// SPDX-License-Identifier: MIT
#include "emukernel/job_runner.hpp"

#include <utility>

#include "base/log.hpp"
#include "emukernel/injection.hpp"

namespace rosenblatt::emukernel {
namespace {

using emulator::Window;

constexpr double k_watchdog_ns = 500e6;  // for the whole job, not for each task

// Offsets in the PC window, and the values rocket.ko writes (Linux 7.3).
constexpr uint32_t k_operation_enable = 0x08;
constexpr uint32_t k_base_address = 0x10;
constexpr uint32_t k_register_amounts = 0x14;
constexpr uint32_t k_interrupt_mask = 0x20;
constexpr uint32_t k_interrupt_clear = 0x24;
constexpr uint32_t k_interrupt_raw_status = 0x2c;
constexpr uint32_t k_task_con = 0x30;
constexpr uint32_t k_task_dma_base_addr = 0x34;
constexpr uint32_t k_s_pointer = 0x04;  // in the CNA and CORE windows

constexpr uint32_t k_slave_mode = 1;
constexpr uint32_t k_s_pointer_value = 0xe;  // both ping-pong enables, pointer toggles by itself
constexpr uint32_t k_dpu_interrupts = 0x300;
constexpr uint32_t k_all_interrupts = 0x1ffff;
constexpr uint32_t k_task_con_value = 0x7001;  // bit 14, count clear, ping-pong, one task

}  // namespace

JobRunner::JobRunner(unsigned core_index, const RunnerSettings& settings)
    : core_(core_index, settings.switches), settings_(settings) {
    core_.set_machine(settings.machine);
}

void kick(emulator::Core& core, const drm_rocket_task& task) {
    const uint32_t s_pointer = k_s_pointer_value | core.index() << 28;
    // Two 64-bit words per fetch, rounded up as the driver does, in 32 bits as it does.
    const uint32_t amount = (task.regcmd_count + 1) / 2 - 1;
    core.write_register(Window::Pc, k_base_address, k_slave_mode);
    core.write_register(Window::Cna, k_s_pointer, s_pointer);
    core.write_register(Window::Core, k_s_pointer, s_pointer);
    core.write_register(Window::Pc, k_base_address, task.regcmd);
    core.write_register(Window::Pc, k_register_amounts, amount);
    core.write_register(Window::Pc, k_interrupt_mask, k_dpu_interrupts);
    core.write_register(Window::Pc, k_interrupt_clear, k_dpu_interrupts);
    core.write_register(Window::Pc, k_task_con, k_task_con_value);
    core.write_register(Window::Pc, k_task_dma_base_addr, 0);
    core.write_register(Window::Pc, k_operation_enable, 1);
}

bool handle_interrupt(emulator::Core& core) {
    if (!core.irq_level()) return false;
    if (!(core.read_register(Window::Pc, k_interrupt_raw_status) & k_dpu_interrupts)) return false;
    core.write_register(Window::Pc, k_interrupt_mask, 0);
    core.write_register(Window::Pc, k_operation_enable, 0);
    core.write_register(Window::Pc, k_interrupt_clear, k_all_interrupts);
    return true;
}

RunResult JobRunner::run(const QueuedJob& job) {
    RunResult result;
    if (has_fault(job, FaultKind::Hang)) return {RunEnd::Hung, 0, 0};
    const bool spoiled = spoils_output(job);
    const bool unmapped = has_fault(job, FaultKind::Iommu);
    std::vector<TaskWrites> kept;
    TaskWrites writes;
    double elapsed_ns = 0;
    for (const drm_rocket_task& task : job.tasks) {
        TaskBus bus(unmapped ? std::make_shared<const IovaMap>() : job.space->mappings(), writes);
        kick(core_, task);
        const emulator::TaskOutcome outcome = core_.run_task(bus);
        ++result.tasks;
        if (outcome.fault) log::debug("emulated NPU: " + outcome.fault->sentence);

        const double task_ns = outcome.modelled_ns * settings_.time_factor;
        if (outcome.completion == emulator::Completion::Done &&
            elapsed_ns + task_ns > k_watchdog_ns) {
            const double share = (k_watchdog_ns - elapsed_ns) / task_ns;
            writes.commit(static_cast<size_t>(share * static_cast<double>(writes.size())), false);
            result.modelled_ns = static_cast<uint64_t>(k_watchdog_ns);
            result.end = RunEnd::CutOff;
            return result;
        }
        writes.commit(writes.size(), spoiled);
        if (spoiled) kept.push_back(std::exchange(writes, {}));
        core_.complete();
        if (!handle_interrupt(core_)) {
            result.end = RunEnd::Hung;
            return result;
        }
        elapsed_ns += task_ns;
        result.modelled_ns = static_cast<uint64_t>(elapsed_ns);
    }
    if (spoiled) spoil_output(job, kept);
    if (settings_.remember_outputs && !spoiled) remember_output(job);
    return result;
}

}  // namespace rosenblatt::emukernel
