// SPDX-License-Identifier: MIT
// Running the tasks of a replay folder on an emulated core, as the kernel would start them.
#include "cli/replay_run.hpp"

#include <fmt/format.h>

#include "drm/rocket_accel.h"
#include "emukernel/job_runner.hpp"
#include "regcmd/disassemble.hpp"

namespace rosenblatt::cli {
namespace {

using emulator::TaskOutcome;

std::string explain(const emulator::Fault& fault) {
    return fmt::format("{} at word {}, {}: {}", emulator::name(fault.kind), fault.word,
                       npu::info(fault.block).name, fault.sentence);
}

/// What a stream sets, block by block; words of no block (enable, marker, link) come first.
void trace_registers(const std::vector<uint64_t>& words, std::vector<std::string>& trace) {
    for (const npu::BlockInfo& block : npu::k_blocks) {
        bool named = false;
        for (size_t i = 0; i < words.size(); ++i) {
            const regcmd::Word word{words[i]};
            if (word.kind() != regcmd::WordKind::Register || word.block() != &block) continue;
            if (!named) trace.push_back(fmt::format("  {}", block.name));
            named = true;
            trace.push_back(fmt::format("    {:4}: {}", i, regcmd::disassemble(word)));
        }
    }
    for (size_t i = 0; i < words.size(); ++i)
        if (regcmd::Word{words[i]}.kind() == regcmd::WordKind::Enable)
            trace.push_back(fmt::format("  {}", regcmd::disassemble(regcmd::Word{words[i]})));
}

void trace_outcome(const TaskOutcome& outcome, std::vector<std::string>& trace) {
    const emulator::TaskWork& work = outcome.work;
    trace.push_back(
        fmt::format("  read {} bytes of features, {} of weights, {} of operands; wrote {}; {} MAC "
                    "cycles, {:.1f} us",
                    work.feature_bytes, work.weight_bytes, work.operand_bytes, work.output_bytes,
                    outcome.mac_cycles, outcome.modelled_ns / 1e3));
    if (outcome.fault) trace.push_back("  " + explain(*outcome.fault));
}

}  // namespace

ReplayRun run_tasks(const ReplayManifest& manifest, ReplayMemory& memory,
                    const emulator::Switches& switches, bool trace) {
    ReplayRun run;
    emulator::Core core(0, switches);
    for (size_t number = 0; number < manifest.jobs.size(); ++number) {
        for (const ReplayTask& task : manifest.jobs[number].tasks) {
            if (trace) {
                run.trace.push_back(fmt::format("job {} task {}: {} words at {:#x}", number,
                                                run.tasks, task.words, task.regcmd));
                trace_registers(memory.words(task), run.trace);
            }
            emukernel::kick(core, drm_rocket_task{task.regcmd, task.words});
            const TaskOutcome outcome = core.run_task(memory);
            core.complete();
            ++run.tasks;
            run.modelled_ns += outcome.modelled_ns;
            run.mac_cycles += outcome.mac_cycles;
            run.dma_bytes += outcome.dma_bytes;
            if (trace) trace_outcome(outcome, run.trace);
            if (outcome.fault)
                run.fault = explain(*outcome.fault);
            else if (!emukernel::handle_interrupt(core))
                run.fault =
                    "the task ended without the DPU's interrupt, which alone the driver hears";
            if (run.fault) return run;
        }
    }
    return run;
}

}  // namespace rosenblatt::cli
