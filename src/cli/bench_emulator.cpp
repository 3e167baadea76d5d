// SPDX-License-Identifier: MIT
// Matmul rows against ggml multiplying the same shapes, in turn in one run; then convolutions.
#include "cli/bench_emulator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <ostream>
#include <thread>

#include "cli/bench.hpp"
#include "cli/bench_tasks.hpp"
#include "cli/installation.hpp"
#include "cli/llama_tools.hpp"
#include "cli/process.hpp"
#include "cli/verb.hpp"

namespace rosenblatt::cli {
namespace {

using compile::MatmulShape;
using compile::NumberType;

constexpr const char* k_unit = "GMAC/s";

/// The weight matmuls of a layer of Qwen2.5-1.5B at a prefill of 512 tokens.
constexpr MatmulShape k_shapes[] = {
    {512, 1536, 1536}, {512, 1536, 256}, {512, 1536, 8960}, {512, 8960, 1536}};

/// Convolutions: the common 3 x 3, few channels, a 1 x 1 of MobileNet, depthwise.
struct NamedConv {
    const char* name;
    ConvShape shape;
};
constexpr NamedConv k_convs[] = {
    {"conv 28x28 k3 c128 n128", {.size = 28, .channels = 128, .kernels = 128, .window = 3}},
    {"conv 56x56 k3 c32 n32", {.size = 56, .channels = 32, .kernels = 32, .window = 3}},
    {"conv 14x14 k1 c512 n512", {.size = 14, .channels = 512, .kernels = 512}},
    {"conv 14x14 k5 c64 n64", {.size = 14, .channels = 64, .kernels = 64, .window = 5}},
    {"depthwise 28x28 k3 c256",
     {.size = 28, .channels = 256, .kernels = 256, .window = 3, .depthwise = true}},
};

double macs(const MatmulShape& shape) {
    return double{1} * shape.m * shape.k * shape.n;
}

/// ggml's CPU backend in two processes: AMX apart, because where a virtual machine promises it and
/// does not let it run, the process dies.
class Baseline {
  public:
    Baseline(const BenchEmulatorOptions& options, unsigned threads, std::ostream& err) {
        const auto helper = find_helper(own_folder(), "rosenblatt-bench-ggml");
        const auto programs = llama_programs(options.llama);
        const std::string llama =
            programs ? std::filesystem::path(*programs).parent_path().string() : "";
        const auto environment = llama_environment(llama, "", true);
        if (!helper || !environment) {
            err << "rosenblatt bench: no baseline: "
                << (helper ? environment.error() : helper.error()).message << '\n';
            return;
        }
        for (const char* kind : {"plain", "amx"}) {
            auto started = Dialogue::start({*helper, std::to_string(threads), kind}, *environment);
            if (started) helpers_.push_back(std::move(*started));
        }
    }

    void prepare(const std::string& shape) {
        best_.clear();
        for (Dialogue& helper : helpers_) (void)helper.ask("prepare " + shape);
    }
    /// Returns when the CPUs are free again: ggml's threads (libgomp's) wait for more work,
    /// spinning, for some milliseconds after a product.
    void run() {
        multiply();
        if (!helpers_.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    /// Seconds by buffer type, the best of all runs since prepare().
    const std::map<std::string, double>& best() const { return best_; }

  private:
    void multiply() {
        for (Dialogue& helper : helpers_) {
            const auto answer = helper.ask("run");
            const auto times =
                answer ? nlohmann::json::parse(*answer, nullptr, false) : nlohmann::json();
            if (!times.is_object()) continue;
            for (const auto& [name, seconds] : times.items()) {
                if (seconds.get<double>() <= 0) continue;
                const auto [at, fresh] = best_.try_emplace(name, seconds);
                if (!fresh) at->second = std::min(at->second, seconds.get<double>());
            }
        }
    }

    std::vector<Dialogue> helpers_;
    std::map<std::string, double> best_;
};

/// The fastest buffer type that is not AMX's is the baseline; AMX has a column of its own.
BenchLine matmul_line(const std::string& name, double work, double seconds,
                      const std::map<std::string, double>& baseline) {
    BenchLine line{.name = name, .value = work / seconds * 1e-9, .unit = k_unit};
    for (const auto& [type, time] : baseline) {
        const double rate = work / time * 1e-9;
        if (type.find("AMX") != std::string::npos) {
            line.more["amx"] = rate;
        } else if (!line.baseline || rate > *line.baseline) {
            line.baseline = rate;
            line.more["buffer"] = type;
        }
    }
    return line;
}

/// The least of at least `rounds` and as many more as fit a second: the shortest shapes suffer most
/// from whatever else the machine does. The first round only warms up.
template <typename Run>
Result<double> best_of(int rounds, const Run& run) {
    constexpr std::chrono::seconds k_enough{1};
    constexpr int k_most_rounds = 100;
    const auto start = std::chrono::steady_clock::now();
    double best = 0;
    for (int round = 0; round <= rounds || (round <= k_most_rounds &&
                                            std::chrono::steady_clock::now() - start < k_enough);
         ++round) {
        const Result<double> seconds = run();
        if (!seconds) return seconds;
        best = round <= 1 ? *seconds : std::min(best, *seconds);
    }
    return best;
}

struct Sum {
    double work = 0, seconds = 0, baseline_seconds = 0;
};

Result<void> bench_matmuls(const BenchEmulatorOptions& options, unsigned threads, NumberType type,
                           Baseline& baseline, std::ostream& out) {
    const std::string prefix = type == NumberType::Int8 ? "int8" : "fp16";
    Sum sum;
    for (const MatmulShape& shape : k_shapes) {
        const std::string name = fmt::format("{} m{} k{} n{}", prefix, shape.m, shape.k, shape.n);
        if (name.find(options.only) == std::string::npos) continue;
        auto tasks = matmul_tasks(shape, type, threads);
        if (!tasks) return tasks.error();
        baseline.prepare(fmt::format("{} {} {} {}", type == NumberType::Int8 ? "q8_0" : "f16",
                                     shape.m, shape.k, shape.n));
        const auto best = best_of(options.rounds, [&]() -> Result<double> {
            auto seconds = (*tasks)->run();
            baseline.run();
            return seconds;
        });
        if (!best) return best.error();
        const BenchLine line = matmul_line(name, macs(shape), *best, baseline.best());
        print_bench_line(line, options.json, out);
        sum.work += macs(shape);
        sum.seconds += *best;
        if (line.baseline) sum.baseline_seconds += macs(shape) / *line.baseline * 1e-9;
    }
    // One JSON line per shape and nothing else: the sum is for people.
    if (options.json || !options.only.empty()) return {};
    BenchLine all{.name = prefix + " all", .value = sum.work / sum.seconds * 1e-9, .unit = k_unit};
    if (sum.baseline_seconds > 0) all.baseline = sum.work / sum.baseline_seconds * 1e-9;
    print_bench_line(all, options.json, out);
    return {};
}

/// Per core, which is what a convolution's rate is asked for.
Result<void> bench_convs(const BenchEmulatorOptions& options, unsigned threads, std::ostream& out) {
    for (const NamedConv& conv : k_convs) {
        if (std::string(conv.name).find(options.only) == std::string::npos) continue;
        const auto tasks = conv_tasks(conv.shape, threads);
        const auto best = best_of(options.rounds, [&] { return tasks->run(); });
        if (!best) return best.error();
        print_bench_line({.name = conv.name,
                          .value = conv.shape.macs() / *best * 1e-9,
                          .unit = "GMAC/s per core"},
                         options.json, out);
    }
    return {};
}

bool any_line_holds(const std::string& text) {
    const auto holds = [&](const std::string& name) {
        return name.find(text) != std::string::npos;
    };
    for (const char* prefix : {"int8", "fp16"})
        for (const MatmulShape& shape : k_shapes)
            if (holds(fmt::format("{} m{} k{} n{}", prefix, shape.m, shape.k, shape.n))) return true;
    return std::any_of(std::begin(k_convs), std::end(k_convs),
                       [&](const NamedConv& conv) { return holds(conv.name); });
}

Result<void> bench_all(const BenchEmulatorOptions& options, unsigned threads, std::ostream& out,
                       std::ostream& err) {
    Baseline baseline(options, threads, err);
    for (const NumberType type : {NumberType::Int8, NumberType::F16})
        if (auto done = bench_matmuls(options, threads, type, baseline, out); !done) return done;
    return bench_convs(options, threads, out);
}

}  // namespace

int run_bench_emulator(const BenchEmulatorOptions& options, std::ostream& out, std::ostream& err) {
    if (options.rounds < 1 || options.threads < 0) {
        err << "rosenblatt bench: --rounds must be 1 or more, --threads 0 or more\n";
        return k_exit_usage;
    }
    if (!any_line_holds(options.only)) {
        err << "rosenblatt bench: no line's name holds \"" << options.only
            << "\"; names begin with int8, fp16, conv and depthwise\n";
        return k_exit_usage;
    }
    const auto threads =
        static_cast<unsigned>(options.threads > 0 ? options.threads : usable_cpus());
    const auto done = bench_all(options, threads, out, err);
    if (done) return k_exit_fine;
    err << "rosenblatt bench: " << done.error().message << '\n';
    return k_exit_finding;
}

}  // namespace rosenblatt::cli
