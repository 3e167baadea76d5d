// SPDX-License-Identifier: MIT
// Running the tasks of a replay folder on an emulated core, as the kernel would start them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/replay_manifest.hpp"
#include "cli/replay_memory.hpp"
#include "emulator/core.hpp"

namespace rosenblatt::cli {

struct ReplayRun {
    size_t tasks = 0;  ///< started
    double modelled_ns = 0;
    uint64_t mac_cycles = 0;
    uint64_t dma_bytes = 0;
    std::optional<std::string> fault;  ///< why the last task did not end
    std::vector<std::string> trace;    ///< lines, when asked for
};

/// Stops at the first task that does not end: its job would only time out.
ReplayRun run_tasks(const ReplayManifest& manifest, ReplayMemory& memory,
                    const emulator::Switches& switches, bool trace);

}  // namespace rosenblatt::cli
