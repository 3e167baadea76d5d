// SPDX-License-Identifier: MIT
// `rosenblatt lint`: what is wrong with a stream, without running it.
#include "cli/lint.hpp"

#include <algorithm>
#include <filesystem>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/input.hpp"
#include "cli/json_text.hpp"
#include "cli/replay_memory.hpp"
#include "cli/verb.hpp"
#include "regcmd/disassemble.hpp"
#include "regcmd/field_text.hpp"
#include "regcmd/lint.hpp"
#include "regcmd/stream.hpp"

namespace rosenblatt::cli {
namespace {

using regcmd::Finding;
using regcmd::IovaRange;

/// A finding of one of the file's tasks; `word` counts from the beginning of the file.
struct PlacedFinding {
    size_t task;
    size_t word;
    Finding finding;
};

struct FileFindings {
    std::vector<uint64_t> words{};
    size_t tasks = 0;
    std::vector<PlacedFinding> findings{};

    size_t count(regcmd::Severity severity) const {
        return static_cast<size_t>(
            std::ranges::count_if(findings, [severity](const PlacedFinding& placed) {
                return regcmd::info(placed.finding.rule).severity == severity;
            }));
    }
};

const char* severity_name(const Finding& finding) {
    return regcmd::info(finding.rule).severity == regcmd::Severity::Error ? "error" : "warning";
}

Result<IovaRange> parse_bo(const std::string& text) {
    const size_t colon = text.find(':');
    if (colon == std::string::npos)
        return Error{0, "--bo " + text + " is not ADDRESS:SIZE, e.g. 0x1000000:4096"};
    const auto iova = regcmd::parse_unsigned(std::string_view(text).substr(0, colon));
    const auto size = regcmd::parse_unsigned(std::string_view(text).substr(colon + 1));
    if (!iova) return Error{0, "--bo " + text + ": " + iova.error().message};
    if (!size) return Error{0, "--bo " + text + ": " + size.error().message};
    return IovaRange{*iova, *size};
}

/// The tasks of a replay folder, each on the folder's BOs; words count through all tasks.
Result<FileFindings> lint_folder(const std::string& folder) {
    const auto manifest = read_replay_manifest(folder);
    if (!manifest) return manifest.error();
    const auto memory = ReplayMemory::load(folder, *manifest);
    if (!memory) return memory.error();
    std::vector<IovaRange> bos;
    for (const ReplayBo& bo : manifest->bos) bos.push_back({bo.iova, bo.size});
    FileFindings all;
    for (const ReplayJob& job : manifest->jobs) {
        for (const ReplayTask& task : job.tasks) {
            const std::vector<uint64_t> words = (*memory)->words(task);
            if (words.empty())
                return Error{0, folder + ": the stream of task " + std::to_string(all.tasks) +
                                    " lies outside the BOs"};
            for (Finding& finding : regcmd::lint(words, bos))
                all.findings.push_back(
                    {all.tasks, all.words.size() + finding.word, std::move(finding)});
            all.words.insert(all.words.end(), words.begin(), words.end());
            ++all.tasks;
        }
    }
    return all;
}

FileFindings lint_all(std::vector<uint64_t> words, std::span<const IovaRange> bos) {
    FileFindings all{std::move(words), 0, {}};
    for (const auto task : regcmd::split_tasks(all.words)) {
        const auto begin = static_cast<size_t>(task.data() - all.words.data());
        for (Finding& finding : regcmd::lint(task, bos))
            all.findings.push_back({all.tasks, begin + finding.word, std::move(finding)});
        ++all.tasks;
    }
    return all;
}

Result<FileFindings> lint_file(const std::string& file, std::span<const IovaRange> bos) {
    const Result<std::string> bytes = read_input(file);
    if (!bytes) return bytes.error();
    auto words = words_in(*bytes);
    if (!words) return Error{0, file + ": " + words.error().message};
    FileFindings all = lint_all(*std::move(words), bos);
    if (all.tasks == 0) return Error{0, file + " holds no command words"};
    return all;
}

bool is_replay_folder(const std::string& file) {
    std::error_code code;
    return std::filesystem::exists(std::filesystem::path(file) / "manifest.json", code);
}

void print_text(const FileFindings& all, std::ostream& out) {
    for (const PlacedFinding& placed : all.findings)
        out << "task " << placed.task << " word " << placed.word << ": "
            << severity_name(placed.finding) << " " << regcmd::info(placed.finding.rule).name
            << ": " << placed.finding.message << "\n";
    out << all.tasks << (all.tasks == 1 ? " task, " : " tasks, ") << all.words.size()
        << " words: " << all.count(regcmd::Severity::Error) << " errors, "
        << all.count(regcmd::Severity::Warning) << " warnings\n";
}

void print_json(const FileFindings& all, std::ostream& out) {
    auto findings = nlohmann::ordered_json::array();
    for (const PlacedFinding& placed : all.findings)
        findings.push_back({{"rule", regcmd::info(placed.finding.rule).name},
                            {"severity", severity_name(placed.finding)},
                            {"task", placed.task},
                            {"word", placed.word},
                            {"text", regcmd::disassemble(regcmd::Word{all.words[placed.word]})},
                            {"message", placed.finding.message}});
    const nlohmann::ordered_json report{{"tasks", all.tasks},
                                        {"words", all.words.size()},
                                        {"errors", all.count(regcmd::Severity::Error)},
                                        {"warnings", all.count(regcmd::Severity::Warning)},
                                        {"findings", findings}};
    out << json_text(report, 2) << "\n";
}

int print_rules(std::ostream& out) {
    for (const regcmd::RuleInfo& rule : regcmd::lint_rules())
        out << std::left << std::setw(18) << rule.name
            << (rule.severity == regcmd::Severity::Error ? "error    " : "warning  ") << rule.brief
            << "\n";
    return k_exit_fine;
}

int fail(std::ostream& err, const std::string& message, int code) {
    err << "rosenblatt lint: " << message << "\n";
    return code;
}

}  // namespace

int run_lint(const LintOptions& options, std::ostream& out, std::ostream& err) {
    if (options.rules) return print_rules(out);
    std::vector<IovaRange> bos;
    for (const std::string& text : options.bos) {
        const Result<IovaRange> bo = parse_bo(text);
        if (!bo) return fail(err, bo.error().message, k_exit_usage);
        bos.push_back(*bo);
    }
    if (!bos.empty() && is_replay_folder(options.file))
        return fail(err, "--bo is for a stream alone; the BOs of " + options.file +
                             " are those of its manifest.json",
                    k_exit_usage);
    const auto all =
        is_replay_folder(options.file) ? lint_folder(options.file) : lint_file(options.file, bos);
    if (!all) return fail(err, all.error().message, k_exit_finding);
    if (options.json)
        print_json(*all, out);
    else
        print_text(*all, out);
    return all->findings.empty() ? k_exit_fine : k_exit_finding;
}

}  // namespace rosenblatt::cli
