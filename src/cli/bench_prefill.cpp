// SPDX-License-Identifier: MIT
// Starts rosenblatt-prefill, takes the difference its statistics make, and sets the planner's
// minimum beside it.
#include "cli/bench_prefill.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <ostream>
#include <sstream>

#include "base/options.hpp"
#include "cli/bench.hpp"
#include "cli/installation.hpp"
#include "cli/llama_tools.hpp"
#include "cli/planned.hpp"
#include "cli/process.hpp"
#include "cli/verb.hpp"

namespace rosenblatt::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint32_t k_longest = 1 << 20;

/// What a prefill's matmuls must cost, by the planner.
struct Least {
    double macs = 0;
    double npu_ms = 0;
    double dma_bytes = 0;
    double host_bytes = 0;   ///< X read, cubes written, one C cube per column read, Y written
    double slice_bytes = 0;  ///< further C cubes, one for each K-slice beyond the first
    double kicks = 0;
};

/// Matmuls that read the same X: it needs to be read once for all of them.
bool shares_input(const std::string& role) {
    return role == "attn_k" || role == "attn_v" || role == "ffn_up" || role == "ffn_up_exps";
}

/// A's cubes and C's cubes of one matmul: bytes and how often C is read beyond once.
void add_host_bytes(Least& least, const ModelMatmul& matmul, const compile::Plan& plan) {
    const double m = plan.shape.m, k = plan.shape.k, n = plan.shape.n;
    const double count = matmul.count;
    double c_cubes = 0;
    for (const compile::Tile& tile : plan.tiles) c_cubes += 4.0 * tile.m * tile.n;
    const double a_cubes = static_cast<double>(plan.host_bytes) - c_cubes;
    const double x = shares_input(matmul.name) ? 0 : 4 * m * k;
    const double cubes = shares_input(matmul.name) ? 0 : a_cubes;
    least.host_bytes += count * (x + cubes + 4 * m * n + 4 * m * n);
    least.slice_bytes += count * std::max(0.0, c_cubes - 4 * m * n);
}

Result<Least> least_of(const BenchPrefillOptions& o, const Options& environment, double clock_mhz) {
    auto model = gguf_model(o.gguf, o.prompt);
    if (!model) return model.error();
    PlanSettings settings;
    settings.machine = {
        .clock_mhz = clock_mhz, .board = environment.board, .lanes = environment.lanes};
    const auto planned = plan_model(std::move(*model), settings);
    if (!planned) return planned.error();
    Least least;
    least.macs = planned->macs;
    least.npu_ms = planned->time_ns / 1e6;
    least.dma_bytes = static_cast<double>(planned->least_dma_bytes);
    least.kicks = static_cast<double>(planned->tasks);
    for (size_t i = 0; i < planned->matmuls.size(); ++i)
        add_host_bytes(least, planned->model.matmuls[i], planned->matmuls[i].plan);
    return least;
}

/// after - before of a number in the statistics.
double difference(const Json& line, const std::string& pointer) {
    const Json::json_pointer at(pointer);
    return line["after"].value(at, 0.0) - line["before"].value(at, 0.0);
}

void print_depth(const Json& line, const Least& least, bool json, unsigned lanes,
                 std::ostream& out) {
    const std::string prefix =
        fmt::format("prefill{}/depth{}/", line["prompt"].get<int>(), line["depth"].get<int>());
    const auto print = [&](const std::string& name, double value, const char* unit,
                           std::optional<double> baseline = {}) {
        print_bench_line({prefix + name, value, unit, baseline}, json, out);
    };
    const double prompt = line["prompt"];
    const double wall = line["wall_ms"];
    print("wall", wall, "ms");
    print("tokens_per_second", prompt / wall * 1000, "1/s");
    if (line["after"].is_null()) return;  // the backend was not loaded
    print("macs", difference(line, "/macs"), "MAC", least.macs);
    print("npu", difference(line, "/npu_ms_modelled") / lanes, "ms", least.npu_ms);
    print("host_pack", difference(line, "/host_ms/pack"), "ms");
    print("host_wait", difference(line, "/host_ms/wait"), "ms");
    print("host_unpack", difference(line, "/host_ms/unpack"), "ms");
    print("cpu_ops", difference(line, "/host_ms/cpu_ops"), "ms");
    print("host_bytes", difference(line, "/host_bytes"), "B", least.host_bytes + least.slice_bytes);
    print("host_bytes_of_slices", least.slice_bytes, "B");
    print("dma_bytes", difference(line, "/dma_bytes"), "B", least.dma_bytes);
    print("kicks", difference(line, "/tasks"), "", least.kicks);
    print("submits", difference(line, "/submits"), "");
    print("wrong_tiles", difference(line, "/checksum/mismatch"), "");
}

std::string usage_error(const BenchPrefillOptions& o) {
    if (o.prompt < 1 || o.prompt > k_longest) return "-p must be 1 or more";
    if (o.depths.empty()) return "--depths needs at least one number";
    for (const uint32_t depth : o.depths)
        if (depth > k_longest) return "a depth of " + std::to_string(depth) + " is too deep";
    return {};
}

Result<std::string> measure(const BenchPrefillOptions& o, const Options& environment) {
    const auto helper = find_helper(own_folder(), "rosenblatt-prefill");
    if (!helper) return helper.error();
    const auto programs = llama_programs(o.llama);
    const std::string llama = programs ? std::filesystem::path(*programs).parent_path() : "";
    auto variables = llama_environment(llama, o.backend, false);
    if (!variables) return variables.error();
    // Counting is what this is for, so every matmul the planner counts goes to the NPU; where there
    // is none, to the emulated one.
    if (environment.device == "auto" && !std::filesystem::exists("/dev/accel"))
        variables->emplace_back("GGML_ROCKET_DEVICE", "emulator");
    if (!environment.min_m) variables->emplace_back("GGML_ROCKET_MIN_M", std::to_string(o.prompt));
    const int threads = o.threads > 0 ? o.threads : usable_cpus();
    std::vector<std::string> command{*helper, o.gguf, std::to_string(o.prompt),
                                     std::to_string(threads)};
    for (const uint32_t depth : o.depths) command.push_back(std::to_string(depth));
    const auto finished = run_and_read(command, *variables);
    if (!finished) return finished.error();
    if (finished->exit_code == 0) return finished->output;
    return Error{0, fmt::format("rosenblatt-prefill ended with exit code {}{}", finished->exit_code,
                                finished->exit_code == 127
                                    ? ": llama.cpp's libraries are not there (--llama)"
                                    : "")};
}

int failed(std::ostream& err, const std::string& why) {
    err << "rosenblatt bench prefill: " << why << '\n';
    return k_exit_finding;
}

}  // namespace

int run_bench_prefill(const BenchPrefillOptions& o, std::ostream& out, std::ostream& err) {
    if (const std::string error = usage_error(o); !error.empty()) {
        err << "rosenblatt bench prefill: " << error << '\n';
        return k_exit_usage;
    }
    const Options environment = read_options().options;
    if (const auto model = gguf_model(o.gguf, o.prompt); !model)
        return failed(err, model.error().message);
    const auto text = measure(o, environment);
    if (!text) return failed(err, text.error().message);
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);) {
        const Json json = Json::parse(line, nullptr, false);
        if (!json.is_object()) return failed(err, "not a line of a measurement: " + line);
        const double clock =
            json["after"].is_null() ? 600 : json["after"].value("clock_mhz", 600.0);
        const auto least = least_of(o, environment, clock);
        if (!least) return failed(err, least.error().message);
        print_depth(json, *least, o.json, environment.lanes, out);
    }
    return k_exit_fine;
}

}  // namespace rosenblatt::cli
