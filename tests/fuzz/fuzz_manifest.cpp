// SPDX-License-Identifier: MIT
// Any text as a replay folder's manifest: an error with a sentence, or BOs that do not overlap,
// jobs that name them, and tasks that the emulator runs on their (zero) memory without leaving it.
#include <string_view>

#include "cli/replay_manifest.hpp"
#include "cli/replay_memory.hpp"
#include "cli/replay_run.hpp"
#include "require.hpp"

namespace {

using namespace rosenblatt;

void check_bos(const cli::ReplayManifest& manifest) {
    uint64_t end = 0;
    for (const cli::ReplayBo& bo : manifest.bos) {
        FUZZ_REQUIRE(bo.size != 0 && bo.iova >= end);
        end = bo.iova + bo.size;
        FUZZ_REQUIRE(end <= uint64_t{1} << 32);
        FUZZ_REQUIRE(manifest.bo(bo.handle) == &bo);
        FUZZ_REQUIRE(!bo.file || bo.file->find('/') == std::string::npos);
    }
    for (const cli::ReplayJob& job : manifest.jobs) {
        for (const uint32_t handle : job.in) FUZZ_REQUIRE(manifest.bo(handle) != nullptr);
        for (const uint32_t handle : job.out) FUZZ_REQUIRE(manifest.bo(handle) != nullptr);
    }
}

/// BOs with files cannot be loaded here; the others are all zero.
void run(const cli::ReplayManifest& manifest) {
    const auto memory = cli::ReplayMemory::load("/nonexistent", manifest);
    if (!memory) {
        FUZZ_REQUIRE(!memory.error().message.empty());
        return;
    }
    emulator::Switches switches;
    switches.work_limit = 1 << 16;
    const cli::ReplayRun done = cli::run_tasks(manifest, **memory, switches, true);
    FUZZ_REQUIRE(done.tasks >= 1);
    FUZZ_REQUIRE(done.fault.has_value());  // nothing but zeros: no enable word anywhere
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto manifest = cli::parse_replay_manifest({reinterpret_cast<const char*>(data), size});
    if (!manifest) {
        FUZZ_REQUIRE(manifest.error().message.starts_with("manifest.json: "));
        return 0;
    }
    check_bos(*manifest);
    run(*manifest);
    return 0;
}
