// SPDX-License-Identifier: MIT
// Pins llama-bench to the big cores, runs it, and puts its figures where they can be found again.
#include "cli/baseline.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <ostream>
#include <vector>

#include "cli/baseline_record.hpp"
#include "cli/fleet.hpp"
#include "cli/host/probes.hpp"
#include "cli/input.hpp"
#include "cli/installation.hpp"
#include "cli/json_text.hpp"
#include "cli/llama_tools.hpp"
#include "cli/process.hpp"
#include "cli/verb.hpp"

namespace rosenblatt::cli {
namespace {

namespace fs = std::filesystem;

/// Cores of the highest capacity; none where all are alike or the kernel does not say.
std::vector<int> big_cores(const std::string& root) {
    const host::HostRoot files(root);
    std::vector<std::pair<int, long>> cores;
    for (int cpu = 0;; ++cpu) {
        const auto word =
            files.read_word(fmt::format("sys/devices/system/cpu/cpu{}/cpu_capacity", cpu));
        if (!word) break;
        cores.emplace_back(cpu, std::strtol(word->c_str(), nullptr, 10));
    }
    long most = 0;
    for (const auto& [cpu, capacity] : cores) most = std::max(most, capacity);
    std::vector<int> big;
    for (const auto& [cpu, capacity] : cores)
        if (capacity * 10 >= most * 9) big.push_back(cpu);  // two bins of one kind of core count
    return big.size() == cores.size() ? std::vector<int>{} : big;
}

/// Children inherit it. False: the kernel refuses, as in a container with fewer CPUs.
bool pin_to(const std::vector<int>& cores) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int cpu : cores) CPU_SET(static_cast<size_t>(cpu), &set);
    return ::sched_setaffinity(0, sizeof set, &set) == 0;
}

std::string today() {
    const std::time_t now = std::time(nullptr);
    char text[16];
    std::tm local{};
    std::strftime(text, sizeof text, "%Y-%m-%d", ::localtime_r(&now, &local));
    return text;
}

std::string kernel_release() {
    utsname name{};
    return ::uname(&name) == 0 ? name.release : "unknown";
}

struct Bench {
    std::string program;
    std::vector<std::pair<std::string, std::string>> environment;
};

Result<Bench> find_bench(const BaselineOptions& o) {
    const auto program = o.llama.empty()
                             ? find_program("llama-bench", llama_programs(o.llama))
                             : find_program(*llama_programs(o.llama) + "/llama-bench", {});
    if (!program) return program.error();
    const auto environment = llama_environment(o.llama, o.backend, o.cpu);
    if (!environment) return environment.error();
    return Bench{*program, *environment};
}

/// An existing record is never replaced, and nobody should wait ten minutes to hear that.
Result<void> check_new(const std::string& path) {
    if (!fs::exists(path)) return {};
    return Error{EEXIST, path +
                             " is already there and is not overwritten; move it away, or measure "
                             "again tomorrow"};
}

Result<bool> has_npu(const Bench& bench) {
    const auto listed = run_and_read({bench.program, "--list-devices"}, bench.environment);
    if (!listed) return listed.error();
    return listed->output.find("ROCKET0") != std::string::npos;
}

Result<BaselineRecord> measure(const BaselineOptions& o, const Bench& bench, const Lengths& lengths,
                               int threads) {
    std::vector<std::string> command{bench.program,
                                     "-m",
                                     o.gguf,
                                     "-o",
                                     "json",
                                     "-p",
                                     std::to_string(lengths.prompt),
                                     "-n",
                                     std::to_string(lengths.generate),
                                     "-r",
                                     std::to_string(o.repetitions),
                                     "-t",
                                     std::to_string(threads)};
    const auto finished = run_and_read(command, bench.environment);
    if (!finished) return finished.error();
    if (finished->exit_code != 0)
        return Error{0, fmt::format("{} ended with exit code {}", fmt::join(command, " "),
                                    finished->exit_code)};
    return read_llama_bench(finished->output);
}

/// The manifest says what was measured on the board last; an emulated NPU is not on the board.
Result<std::string> note_in_fleet(const BaselineOptions& o, const BaselineRecord& record) {
    const std::string path = o.records + "/fleet/" + record.host + ".yaml";
    if (record.emulated)
        return std::string("the NPU is emulated: nothing is noted in ") + path + "\n";
    Manifest manifest;
    if (fs::exists(path)) {
        auto read = read_manifest(path);
        if (!read) return read.error();
        manifest = std::move(*read);
    } else {
        const host::HostRoot root(o.root);
        manifest["host"] = record.host;
        manifest = refresh_manifest(manifest, host::probe_host(root, *host::device_nodes(root)));
    }
    Manifest measured = {{"file", "benchmarks/" + record.file_name()},
                         {"model", record.model},
                         {"date", record.date}};
    if (record.prefill) measured["prefill_tokens_per_second"] = record.prefill->per_second;
    if (record.decode) measured["decode_tokens_per_second"] = record.decode->per_second;
    manifest["baseline_measurement"] = std::move(measured);
    std::error_code ignored;
    fs::create_directories(fs::path(path).parent_path(), ignored);
    if (const auto written = write_manifest(path, manifest); !written) return written.error();
    return "noted in " + path + "\n";
}

std::string figures(const char* name, const std::optional<Rate>& rate) {
    if (!rate) return {};
    return fmt::format("{:<8} {:>10.2f} +- {:.2f} tokens/s ({} tokens, {} repetitions)\n", name,
                       rate->per_second, rate->deviation, rate->tokens, rate->repetitions);
}

std::string comparison(const std::string& folder, const BaselineRecord& record) {
    const auto before = previous_baseline(folder, record);
    if (!before) return "no earlier record of this host, model and device to compare with\n";
    std::string out = "against " + before->file_name() + ":\n";
    if (before->prefill && record.prefill)
        out += "  " + compare("prefill", *before->prefill, *record.prefill) + "\n";
    if (before->decode && record.decode)
        out += "  " + compare("decode", *before->decode, *record.decode) + "\n";
    return out;
}

std::string usage_error(const BaselineOptions& o) {
    const auto plain = [](unsigned char c) { return std::isalnum(c) || c == '.' || c == '-'; };
    if (o.host.empty() || !std::all_of(o.host.begin(), o.host.end(), plain))
        return "--host is a name of letters, digits, - and .";
    if (o.repetitions < 1 || o.prompt < 1 || o.generate < 1)
        return "-r, -p and -n must be 1 or more";
    return {};
}

/// Everything up to the record on disk; what to tell about it.
Result<std::string> record_baseline(const BaselineOptions& o, std::ostream& err) {
    const auto lengths = fit_own_contexts(o.gguf, {o.prompt, o.generate});
    if (!lengths) return lengths.error();
    if (!lengths->note.empty()) err << "rosenblatt baseline: " << lengths->note << '\n';
    const auto bench = find_bench(o);
    if (!bench) return bench.error();
    const auto npu = o.cpu ? Result<bool>(false) : has_npu(*bench);
    if (!npu) return npu.error();
    if (!*npu && !o.cpu)
        err << "rosenblatt baseline: llama-bench finds no NPU, so this measures the CPU "
               "(rosenblatt audit says why; GGML_ROCKET_DEVICE=emulator emulates one)\n";
    BaselineRecord expected{
        .date = today(), .host = o.host, .model = fs::path(o.gguf).stem(), .npu = *npu};
    if (!fs::is_directory(o.records))
        return Error{ENOTDIR, "--records " + o.records + " is not a folder that exists"};
    const std::string folder = o.records + "/benchmarks";
    if (const auto fresh = check_new(folder + "/" + expected.file_name()); !fresh)
        return fresh.error();
    const std::vector<int> cores = big_cores(o.root);
    const bool pinned = !cores.empty() && pin_to(cores);
    auto record = measure(o, *bench, *lengths, usable_cpus());
    if (!record) return record.error();
    record->npu = *npu;  // llama-bench names the backend even where it found no device
    record->emulated = record->emulated && *npu;
    record->date = expected.date;
    record->host = expected.host;
    record->model = expected.model;
    record->kernel = kernel_release();
    if (pinned) record->cores = fmt::format("{}", fmt::join(cores, ","));

    const std::string path = folder + "/" + record->file_name();
    if (const auto fresh = check_new(path); !fresh) return fresh.error();
    std::error_code ignored;
    fs::create_directories(folder, ignored);
    const std::string json = json_text(to_json(*record), 2) + "\n";
    if (const auto written = write_output(path, json); !written) return written.error();
    const auto noted = note_in_fleet(o, *record);
    if (!noted) return noted.error();
    if (o.json) return json;
    return fmt::format("{} on {}, {}{}\n", record->model, record->host, record->device(),
                       record->emulated ? " (emulated)" : "") +
           figures("prefill", record->prefill) + figures("decode", record->decode) +
           comparison(folder, *record) + "written to " + path + "\n" + *noted;
}

}  // namespace

int run_baseline(const BaselineOptions& options, std::ostream& out, std::ostream& err) {
    if (const std::string error = usage_error(options); !error.empty()) {
        err << "rosenblatt baseline: " << error << '\n';
        return k_exit_usage;
    }
    const auto told = record_baseline(options, err);
    if (!told) {
        err << "rosenblatt baseline: " << told.error().message << '\n';
        return k_exit_finding;
    }
    out << *told;
    return k_exit_fine;
}

}  // namespace rosenblatt::cli
