// SPDX-License-Identifier: MIT
// Any words at all: the disassembler and the assembler agree on them, lint says what it says, and
// the emulator ends, done or with a named fault, the same on the fast and on the plain paths.
#include <cmath>

#include "emulator/core.hpp"
#include "noise_bus.hpp"
#include "regcmd/assemble.hpp"
#include "regcmd/disassemble.hpp"
#include "regcmd/lint.hpp"
#include "regcmd/stream.hpp"
#include "require.hpp"

namespace rosenblatt::fuzz {
namespace {

using emulator::Completion;
using emulator::Core;
using emulator::Switches;
using emulator::TaskOutcome;
using emulator::Window;
using testing::StreamInput;

constexpr size_t k_most_tasks = 4;
constexpr uint32_t k_streams = 0x10000;  // where the test bench of the emulator puts them, too

void check_texts(const std::vector<uint64_t>& words) {
    const auto again = regcmd::assemble(regcmd::disassemble(words, regcmd::Hex::AsComment));
    FUZZ_REQUIRE(again.ok());
    FUZZ_REQUIRE(*again == words);
}

void check_lint(std::span<const uint64_t> task) {
    const std::vector<regcmd::IovaRange> bos{{0x1000000, 0x100000}, {0xfffff000, 0x1000}};
    for (const auto& all : {regcmd::lint(task), regcmd::lint(task, bos)})
        for (const regcmd::Finding& finding : all) {
            FUZZ_REQUIRE(finding.word < task.size());
            FUZZ_REQUIRE(!finding.message.empty());
        }
}

Switches switches_of(const StreamInput& input, bool fast) {
    const auto bit = [&](unsigned number) { return (input.switches >> number & 1) != 0; };
    Switches switches;
    switches.fast = fast;
    switches.work_limit = uint64_t{1} << 19;  // some 10 ms with sanitizers
    switches.strict = bit(0);
    switches.poison = bit(1);
    switches.truncate_half_up = bit(2);
    switches.truncate_before_cpend = bit(3);
    switches.depthwise_pad_pair = !bit(4);
    switches.pad_channels_offset_pend = !bit(4);
    switches.image_line_stride_atoms = bit(5);
    switches.bn_multiplies_first = !bit(6);
    switches.lut_rounds = !bit(6);
    switches.flush_fp32_subnormals = bit(7);
    switches.average_counts_padding = !bit(7);
    switches.out_cvt_rounding = static_cast<emulator::OutCvtRounding>(input.rounding % 5);
    return switches;
}

/// The ten register writes of rocket.ko (kernel.md 1.6).
void kick(Core& core, uint32_t iova, size_t words) {
    core.write_register(Window::Pc, 0x10, 1);
    core.write_register(Window::Cna, 0x04, 0xe);
    core.write_register(Window::Core, 0x04, 0xe);
    core.write_register(Window::Pc, 0x10, iova);
    core.write_register(Window::Pc, 0x14, regcmd::register_amounts(words));
    core.write_register(Window::Pc, 0x20, 0x300);
    core.write_register(Window::Pc, 0x24, 0x300);
    core.write_register(Window::Pc, 0x30, 0x7001);
    core.write_register(Window::Pc, 0x34, 0);
    core.write_register(Window::Pc, 0x08, 1);
}

void check_outcome(const TaskOutcome& outcome) {
    FUZZ_REQUIRE(outcome.fault.has_value() == (outcome.completion != Completion::Done));
    FUZZ_REQUIRE(std::isfinite(outcome.modelled_ns) && outcome.modelled_ns >= 0);
    if (!outcome.fault) return;
    FUZZ_REQUIRE(emulator::name(outcome.fault->kind) != "unknown");
    FUZZ_REQUIRE(!outcome.fault->sentence.empty());
}

struct Run {
    std::vector<Completion> ends{};
    uint64_t memory = 0;
};

/// All tasks of the input, one after another on one core, until one does not end.
Run execute(const StreamInput& input, NoiseBus& bus, bool fast) {
    Core core(0, switches_of(input, fast));
    bus.restart(input, (input.rounding & 0x80) == 0);
    Run run;
    uint32_t iova = k_streams;
    const auto tasks = regcmd::split_tasks(input.words);
    for (size_t i = 0; i < tasks.size() && i < k_most_tasks; ++i) {
        const auto bytes = std::as_bytes(tasks[i]);
        bus.put(iova, {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
        kick(core, iova, tasks[i].size());
        const TaskOutcome outcome = core.run_task(bus);
        check_outcome(outcome);
        core.complete();
        (void)core.irq_level();
        for (uint32_t offset = 0; offset < 0x40; offset += 4)
            (void)core.read_register(Window::Pc, offset);
        core.write_register(Window::Pc, 0x24, 0x1ffff);
        run.ends.push_back(outcome.completion);
        if (outcome.completion != Completion::Done) break;
        iova += static_cast<uint32_t>((bytes.size() + 15) / 16 * 16);
    }
    run.memory = bus.hash_of_written();
    return run;
}

}  // namespace
}  // namespace rosenblatt::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace rosenblatt;
    static auto* const bus = new fuzz::NoiseBus;
    const testing::StreamInput input = testing::parse_stream_input({data, size});
    if (input.words.empty()) return 0;
    fuzz::check_texts(input.words);
    for (const auto task : regcmd::split_tasks(input.words)) fuzz::check_lint(task);
    const fuzz::Run fast = fuzz::execute(input, *bus, true);
    const fuzz::Run plain = fuzz::execute(input, *bus, false);
    FUZZ_REQUIRE(fast.ends == plain.ends);
    // What a task that did not end has written by then is nobody's promise.
    const bool done = !fast.ends.empty() && fast.ends.back() == emulator::Completion::Done;
    FUZZ_REQUIRE(!done || fast.memory == plain.memory);
    return 0;
}
