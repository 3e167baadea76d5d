// SPDX-License-Identifier: MIT
// Any text (or bytes) as `rosenblatt asm`, `disasm` and `lint` read it: words or an error with a
// sentence; words written out as text come back the same. Short ones are also tried as switches and
// faults.
#include <cstddef>
#include <string_view>

#include "cli/input.hpp"
#include "emukernel/fault_plan.hpp"
#include "emulator/switches.hpp"
#include "regcmd/assemble.hpp"
#include "regcmd/disassemble.hpp"
#include "require.hpp"

namespace {

using namespace rosenblatt;

void check_words(const Result<std::vector<uint64_t>>& words) {
    if (!words) {
        FUZZ_REQUIRE(!words.error().message.empty());
        return;
    }
    const auto again = regcmd::assemble(regcmd::disassemble(*words));
    FUZZ_REQUIRE(again.ok());
    FUZZ_REQUIRE(*again == *words);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_words(cli::words_in(text));
    const auto words = regcmd::assemble(text);
    FUZZ_REQUIRE(words.ok() || words.error().message.starts_with("line "));
    check_words(words);
    if (size > 200) return 0;
    emulator::Switches switches;
    if (const auto set = emulator::set_switch(switches, text); !set)
        FUZZ_REQUIRE(!set.error().message.empty());
    if (const auto faults = emukernel::parse_faults(text); faults) {
        emukernel::FaultPlan plan(*faults);
        for (unsigned job = 0; job < 8; ++job) (void)plan.next_job(job % 3);
    }
    return 0;
}
