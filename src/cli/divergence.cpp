// SPDX-License-Identifier: MIT
#include "cli/divergence.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/installation.hpp"
#include "cli/llama_tools.hpp"
#include "cli/process.hpp"

namespace rosenblatt::cli {
namespace {

namespace fs = std::filesystem;

constexpr double k_least_share = 0.99;
// llama.cpp v0.5.0 may end with status 0 before its last lines are written (docs/decisions.md).
constexpr int k_attempts = 20;
constexpr int k_seed = 1957;

Result<void> mostly_on_npu(const fs::path& stats_file) {
    std::ifstream file(stats_file);
    const auto stats = nlohmann::json::parse(file, nullptr, false);
    if (!stats.is_object() || !stats.contains("macs") || !stats.contains("macs_eligible"))
        return Error{0, "the backend wrote no statistics: it was not loaded, or found no NPU "
                        "(GGML_ROCKET_DEVICE=emulator works everywhere)"};
    const double eligible = stats["macs_eligible"], macs = stats["macs"];
    if (eligible > 0 && macs >= k_least_share * eligible) return {};
    if (macs == 0)
        return Error{0, "nothing ran on an NPU; is there one? (GGML_ROCKET_DEVICE=emulator works "
                        "everywhere)"};
    return Error{0, fmt::format("only {:.1f} % of the eligible work ran on the NPU; its loss "
                                "cannot be measured",
                                eligible > 0 ? 100 * macs / eligible : 0)};
}

}  // namespace

Result<double> mean_divergence(const std::string& output) {
    const size_t line = output.find("Mean    KLD:");
    if (line == std::string::npos) return Error{0, "no line \"Mean KLD\""};
    return std::strtod(output.c_str() + line + 12, nullptr);
}

Divergence& Divergence::operator=(Divergence&& other) noexcept {
    std::swap(folder_, other.folder_);
    std::swap(program_, other.program_);
    std::swap(common_, other.common_);
    std::swap(environment_, other.environment_);
    std::swap(runs_, other.runs_);
    return *this;
}

Divergence::~Divergence() {
    std::error_code ignored;
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

Result<Divergence> Divergence::open(const DivergenceSettings& settings) {
    Divergence made;
    const auto program = find_program("llama-perplexity", llama_programs(settings.llama));
    if (!program) return program.error();
    made.program_ = *program;
    auto environment = llama_environment(settings.llama, settings.backend, false);
    if (!environment) return environment.error();
    made.environment_ = std::move(*environment);
    std::string folder = (fs::temp_directory_path() / "rosenblatt-calibrate-XXXXXX").string();
    if (!::mkdtemp(folder.data())) return Error{errno, "no temporary folder could be made"};
    made.folder_ = folder;
    made.common_ = {"-m", settings.gguf, "-f", settings.text, "-c", fmt::to_string(settings.context),
                    "-b", fmt::to_string(settings.context), "-s", fmt::to_string(k_seed), "-t",
                    fmt::to_string(usable_cpus()), "--chunks", fmt::to_string(settings.chunks),
                    "--kl-divergence-base", (made.folder_ / "base").string()};
    auto base = made.run({"-dev", "none", "--no-repack"}, {}, "Final estimate: PPL = ");
    if (!base) return base.error();
    return made;
}

Result<std::string> Divergence::run(const std::vector<std::string>& arguments,
                                    const Environment& variables, const std::string& awaited) {
    std::vector<std::string> command{program_};
    command.insert(command.end(), common_.begin(), common_.end());
    command.insert(command.end(), arguments.begin(), arguments.end());
    Environment environment = environment_;
    environment.insert(environment.end(), variables.begin(), variables.end());
    for (int attempt = 0; attempt < k_attempts; ++attempt) {
        auto finished = run_and_read(command, environment, StandardError::Together);
        if (!finished) return finished.error();
        ++runs_;
        if (finished->exit_code != 0)
            return Error{0, fmt::format("llama-perplexity ended with exit code {}: {}",
                                        finished->exit_code,
                                        finished->output.substr(finished->output.size() -
                                                                std::min<size_t>(
                                                                    finished->output.size(), 400)))};
        if (finished->output.find(awaited) != std::string::npos) return finished->output;
    }
    return Error{0, "llama-perplexity never printed its result; is the text long enough for one "
                    "chunk? (--context, --chunks)"};
}

Result<double> Divergence::measure(const Environment& variables) {
    const fs::path stats = folder_ / "stats.json";
    Environment all{{"GGML_ROCKET_MIN_M", "1"}, {"GGML_ROCKET_STATS", stats.string()}};
    all.insert(all.end(), variables.begin(), variables.end());
    std::error_code ignored;
    fs::remove(stats, ignored);
    const auto output = run({"--kl-divergence"}, all, "Same top p:");
    if (!output) return output.error();
    if (auto on_npu = mostly_on_npu(stats); !on_npu) return on_npu.error();
    return mean_divergence(*output);
}

}  // namespace rosenblatt::cli
