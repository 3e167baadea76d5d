// SPDX-License-Identifier: MIT
// `rosenblatt replay`: runs recorded jobs on the emulator and compares their output.
#include "cli/replay.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/replay_run.hpp"
#include "cli/verb.hpp"

namespace rosenblatt::cli {
namespace {

struct Compared {
    Expectation expectation;
    Comparison comparison;
};

int fail(std::ostream& err, const std::string& message, int code) {
    err << "rosenblatt replay: " << message << "\n";
    return code;
}

Result<emulator::Switches> switches_of(const ReplayOptions& options) {
    emulator::Switches switches;
    for (const std::string& assignment : options.switches)
        if (auto set = emulator::set_switch(switches, assignment); !set) return set.error();
    if (options.strict) switches.strict = true;
    return switches;
}

bool all_equal(const ReplayRun& run, const std::vector<Compared>& compared) {
    if (run.fault || compared.empty()) return false;
    for (const Compared& one : compared)
        if (!one.comparison.equal) return false;
    return true;
}

std::string sentence(const Compared& one) {
    const Comparison& comparison = one.comparison;
    if (comparison.mismatch) return *comparison.mismatch;
    const std::string counts = fmt::format(
        "{} of {} bytes exact ({:.2f} %), largest difference {}", comparison.exact,
        comparison.compared,
        100.0 * static_cast<double>(comparison.exact) / static_cast<double>(comparison.compared),
        comparison.worst);
    const std::string where =
        comparison.worst == 0 ? "" : fmt::format(" at byte {}", comparison.worst_at);
    return fmt::format("{}: {}{}, tolerance {}: {}", one.expectation.file, counts, where,
                       one.expectation.tolerance, comparison.equal ? "equal" : "different");
}

void print_text(const ReplayRun& run, const std::vector<Compared>& compared, std::ostream& out) {
    for (const std::string& line : run.trace) out << line << "\n";
    out << fmt::format("{} task{}, {:.1f} us of NPU time modelled\n", run.tasks,
                       run.tasks == 1 ? "" : "s", run.modelled_ns / 1e3);
    for (const Compared& one : compared) out << sentence(one) << "\n";
}

void print_json(const ReplayRun& run, const std::vector<Compared>& compared, bool trace,
                std::ostream& out) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& [expectation, comparison] : compared) {
        nlohmann::ordered_json one{
            {"file", expectation.file},
            {"bo", expectation.handle},
            {"layout", expectation.layout == ReplayLayout::Raw ? "raw" : "nhwc-u8"},
            {"tolerance", expectation.tolerance},
            {"compared", comparison.compared},
            {"exact", comparison.exact},
            {"max_difference", comparison.worst},
            {"equal", comparison.equal}};
        if (comparison.mismatch) one["mismatch"] = *comparison.mismatch;
        list.push_back(one);
    }
    nlohmann::ordered_json report{
        {"equal", all_equal(run, compared)},
        {"tasks", run.tasks},
        {"modelled_ns", run.modelled_ns},
        {"mac_cycles", run.mac_cycles},
        {"dma_bytes", run.dma_bytes},
        {"fault", run.fault ? nlohmann::ordered_json(*run.fault) : nullptr},
        {"comparisons", list}};
    if (trace) report["trace"] = run.trace;
    out << report.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
}

}  // namespace

int run_replay(const ReplayOptions& options, std::ostream& out, std::ostream& err) {
    const auto switches = switches_of(options);
    if (!switches) return fail(err, switches.error().message, k_exit_usage);
    const auto manifest = read_replay_manifest(options.folder);
    if (!manifest) return fail(err, manifest.error().message, k_exit_usage);
    auto expectations = find_expectations(options.folder, *manifest, options.expectation);
    if (!expectations) return fail(err, expectations.error().message, k_exit_usage);
    const auto memory = ReplayMemory::load(options.folder, *manifest);
    if (!memory) return fail(err, memory.error().message, k_exit_usage);

    const ReplayRun run = run_tasks(*manifest, **memory, *switches, options.trace);
    std::vector<Compared> compared;
    for (Expectation& expectation : *expectations) {
        const Comparison comparison = compare(expectation, *manifest, **memory);
        compared.push_back({std::move(expectation), comparison});
    }
    if (options.json)
        print_json(run, compared, options.trace, out);
    else
        print_text(run, compared, out);
    if (run.fault) return fail(err, *run.fault, k_exit_finding);
    if (compared.empty())
        return fail(err, "there is nothing to compare with; give a readable --expect FILE",
                    k_exit_finding);
    return all_equal(run, compared) ? k_exit_fine : k_exit_finding;
}

}  // namespace rosenblatt::cli
