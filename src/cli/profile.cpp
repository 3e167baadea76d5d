// SPDX-License-Identifier: MIT
// Starts rosenblatt-profile, which measures, and shows its JSON lines as table and chart.
#include "cli/profile.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <ostream>
#include <sstream>

#include "cli/input.hpp"
#include "cli/installation.hpp"
#include "cli/json_text.hpp"
#include "cli/llama_tools.hpp"
#include "cli/process.hpp"
#include "cli/svg.hpp"
#include "cli/verb.hpp"

namespace rosenblatt::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t k_rows_shown = 16;
constexpr size_t k_bars_shown = 12;
constexpr int k_most_threads = 512;  // GGML_MAX_N_THREADS

std::string shape_of(const Json& op) {
    const auto m = op["m"].get<int64_t>(), k = op["k"].get<int64_t>(), n = op["n"].get<int64_t>();
    return k > 0 ? fmt::format("{} x {} x {}", m, k, n) : fmt::format("{} x {}", m, n);
}

double total_ms(const Json& phase) {
    double sum = 0;
    for (const Json& op : phase["ops"]) sum += op["ms"].get<double>();
    return sum;
}

std::string table(const Json& phase) {
    std::string out =
        fmt::format("{} of {}: {:.1f} ms in ops\n{:<16} {:<6} {:>22} {:>6} {:>10} {:>8}\n",
                    phase["phase"].get<std::string>(), phase["model"].get<std::string>(),
                    total_ms(phase), "op", "type", "M x K x N", "count", "ms", "share");
    size_t shown = 0;
    for (const Json& op : phase["ops"]) {
        if (++shown > k_rows_shown) break;
        out += fmt::format("{:<16} {:<6} {:>22} {:>6} {:>10.2f} {:>6.1f} %\n",
                           op["op"].get<std::string>(), op["type"].get<std::string>(), shape_of(op),
                           op["count"].get<int64_t>(), op["ms"].get<double>(),
                           100 * op["share"].get<double>());
    }
    if (phase["ops"].size() > k_rows_shown)
        out += fmt::format("  ... and {} more (--json lists all)\n",
                           phase["ops"].size() - k_rows_shown);
    return out;
}

/// Both phases' charts below each other, as one file.
std::string stacked(const std::vector<Json>& phases) {
    constexpr int k_gap = 16;
    std::string inner;
    int y = 0;
    for (const Json& phase : phases) {
        std::string chart = profile_chart(phase, k_bars_shown);
        const size_t box = chart.find("viewBox=\"0 0 480 ") + 17;
        const int height = std::stoi(chart.substr(box));
        inner += chart.replace(0, 4, fmt::format("<svg y=\"{}\" height=\"{}\"", y, height));
        y += height + k_gap;
    }
    return svg::standalone(fmt::format("<svg viewBox=\"0 0 480 {}\">{}</svg>\n", y, inner));
}

int failed(std::ostream& err, const std::string& why) {
    err << "rosenblatt profile: " << why << '\n';
    return k_exit_finding;
}

Result<std::string> measure(const ProfileOptions& options, const Lengths& lengths) {
    const auto helper = find_helper(own_folder(), "rosenblatt-profile");
    if (!helper) return helper.error();
    // The helper was built against one llama.cpp's headers; where that one is still there, it is
    // used.
    const auto programs = llama_programs(options.llama);
    const std::string llama = programs ? std::filesystem::path(*programs).parent_path() : "";
    const auto environment = llama_environment(llama, options.backend, options.cpu);
    if (!environment) return environment.error();
    const int threads = options.threads > 0 ? options.threads : usable_cpus();
    const auto finished = run_and_read({*helper, options.gguf, std::to_string(lengths.prompt),
                                        std::to_string(lengths.generate), std::to_string(threads)},
                                       *environment);
    if (!finished) return finished.error();
    if (finished->exit_code == 0) return finished->output;
    return Error{0, fmt::format("rosenblatt-profile ended with exit code {}{}", finished->exit_code,
                                finished->exit_code == 127
                                    ? ": llama.cpp's libraries are not there (--llama)"
                                    : "")};
}

}  // namespace

Result<std::vector<Json>> profile_phases(const std::string& text) {
    std::vector<Json> phases;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.empty()) continue;
        Json phase = Json::parse(line, nullptr, false);
        if (!phase.is_object() || !phase.contains("phase") || !phase.contains("ops"))
            return Error{0, "not a line of a profile: " + line.substr(0, 60)};
        phases.push_back(std::move(phase));
    }
    if (phases.empty()) return Error{0, "a profile without any phase"};
    return phases;
}

std::string profile_chart(const Json& phase, size_t most) {
    std::vector<svg::Bar> bars;
    svg::Bar rest{"everything else", 0, "", 5};
    for (const Json& op : phase["ops"]) {
        const double ms = op["ms"], share = op["share"];
        if (bars.size() == most) {
            rest.value += ms;
            rest.note =
                fmt::format("{:.2f} ms, {:.1f} %", rest.value, 100 * rest.value / total_ms(phase));
            continue;
        }
        const std::string name = op["op"];
        bars.push_back({fmt::format("{} {} {}", name, op["type"].get<std::string>(), shape_of(op)),
                        ms, fmt::format("{:.2f} ms, {:.1f} %", ms, 100 * share),
                        name.starts_with("MUL_MAT") ? 0 : 1});
    }
    if (rest.value > 0) bars.push_back(rest);
    return svg::bar_chart(
        fmt::format("{}: {:.1f} ms", phase["phase"].get<std::string>(), total_ms(phase)), bars);
}

int run_profile(const ProfileOptions& options, std::ostream& out, std::ostream& err) {
    if (options.prompt < 1 || options.generate < 0) {
        err << "rosenblatt profile: -p must be 1 or more, -n 0 or more\n";
        return k_exit_usage;
    }
    if (options.threads < 0 || options.threads > k_most_threads) {
        err << "rosenblatt profile: --threads is 1 to " << k_most_threads << ", or 0 for all\n";
        return k_exit_usage;
    }
    const auto lengths = fit_one_context(options.gguf, {options.prompt, options.generate});
    if (!lengths) return failed(err, lengths.error().message);
    if (!lengths->note.empty()) err << "rosenblatt profile: " << lengths->note << '\n';
    const auto text = measure(options, *lengths);
    if (!text) return failed(err, text.error().message);
    const auto phases = profile_phases(*text);
    if (!phases) return failed(err, phases.error().message);
    if (!options.svg.empty()) {
        const auto written = write_output(options.svg, stacked(*phases));
        if (!written) return failed(err, written.error().message);
    }
    for (const Json& phase : *phases)
        out << (options.json ? json_text(phase) + "\n" : table(phase) + "\n");
    return k_exit_fine;
}

}  // namespace rosenblatt::cli
