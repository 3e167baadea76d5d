// SPDX-License-Identifier: MIT
#include "cli/coverage.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "cli/covered.hpp"
#include "cli/model_catalogue.hpp"
#include "cli/verb.hpp"

namespace rosenblatt::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint32_t k_largest_prefill = 1 << 20;

constexpr const char* k_head =
    R"(<!-- made by `rosenblatt coverage`; do not edit -->
# What runs on the NPU

For each op and shape of a model: where the backend runs it, the modelled time there and on the CPU, and why not
on the NPU. NPU times are the planner's (docs/timing.md) plus the host's packing and unpacking, at the clock
named; CPU times assume four A76 at 100 MACs and 16 bytes of weights a ns. Up to 8 rows go to the NPU only where it is twice as
fast. On a board the backend measures the CPU it finds and decides by that, so a row near the line may go the other way. But for `not_a_matmul`, `reason` is the key that the backend's
statistics count (`mul_mat.cpu_refused`). Experts' matmuls (MUL_MAT_ID) are one matmul for each expert that meets rows, with the
average of an even load.

)";

const std::map<std::string, std::string>& reasons() {
    static const std::map<std::string, std::string> texts{
        {"cost", "the CPU is faster for this shape, or so nearly as fast that few rows stay there: the NPU waits for its weights"},
        {"not_a_matmul", "no multiplication by a matrix of weights: ggml's CPU backend runs it between the matmuls"},
        {"weight_f32", "F32 weights (routers, heads) are too small and too delicate"},
        {"weight_type", "ggml cannot turn rows of this type into floats"}};
    return texts;
}

struct Covered {
    std::string model;
    std::vector<Phase> phases;
};

double finite_ms(double ns) { return ns < 1e15 ? ns * 1e-6 : 0; }

std::string ms_text(const CoveredOp& op, double ns) {
    return op.k == 0 || finite_ms(ns) == 0 ? "-" : fmt::format("{:.3f}", finite_ms(ns));
}

std::string phase_text(const Phase& phase) {
    std::string text = fmt::format(
        "### {}, {} token{}: {:.1f} % of {:.4g} GMAC of weights on the NPU\n\n"
        "| op | weight | type | M × K × N | times | runs on | reason | NPU ms | CPU ms |\n"
        "| --- | --- | --- | --- | ---: | --- | --- | ---: | ---: |\n",
        phase.name, phase.tokens, phase.tokens == 1 ? "" : "s",
        phase.macs() > 0 ? 100 * phase.macs_on_npu() / phase.macs() : 0, phase.macs() * 1e-9);
    for (const CoveredOp& op : phase.ops) {
        const std::string shape = op.k ? fmt::format("{} × {} × {}", op.m, op.k, op.n) : "-";
        text += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", op.op, op.tensor,
                            op.type, shape, op.count, op.reason.empty() ? "**NPU**" : "CPU",
                            op.reason, ms_text(op, op.npu_ns), ms_text(op, op.cpu_ns));
    }
    return text + "\n";
}

std::string legend(const std::vector<Covered>& models) {
    std::set<std::string> used;
    for (const Covered& covered : models)
        for (const Phase& phase : covered.phases)
            for (const CoveredOp& op : phase.ops) used.insert(op.reason);
    std::string text = "## Reasons\n\n| reason | meaning |\n| --- | --- |\n";
    for (const auto& [reason, meaning] : reasons())
        if (used.contains(reason)) text += "| " + reason + " | " + meaning + " |\n";
    return text;
}

Json op_json(const CoveredOp& op) {
    return {{"op", op.op},
            {"tensor", op.tensor},
            {"type", op.type},
            {"m", op.m},
            {"k", op.k},
            {"n", op.n},
            {"count", op.count},
            {"runs_on", op.reason.empty() ? "npu" : "cpu"},
            {"reason", op.reason},
            {"npu_ms", finite_ms(op.npu_ns)},
            {"cpu_ms", finite_ms(op.cpu_ns)}};
}

Json json_of(const std::vector<Covered>& models, const PlanSettings& settings) {
    Json list = Json::array();
    for (const Covered& covered : models) {
        Json phases = Json::array();
        for (const Phase& phase : covered.phases) {
            Json ops = Json::array();
            for (const CoveredOp& op : phase.ops) ops.push_back(op_json(op));
            phases.push_back({{"phase", phase.name},
                              {"tokens", phase.tokens},
                              {"macs", phase.macs()},
                              {"macs_on_npu", phase.macs_on_npu()},
                              {"ops", ops}});
        }
        list.push_back({{"model", covered.model}, {"phases", phases}});
    }
    return {{"clock_mhz", settings.machine.clock_mhz},
            {"lanes", settings.machine.lanes},
            {"models", list}};
}

std::string text_of(const std::vector<Covered>& models, const PlanSettings& settings) {
    std::string text = k_head;
    for (const Covered& covered : models) {
        text += fmt::format("## {} ({:g} MHz, {} lanes)\n\n", covered.model,
                            settings.machine.clock_mhz, settings.machine.lanes);
        for (const Phase& phase : covered.phases) text += phase_text(phase);
    }
    return text + legend(models);
}

std::string usage_error(const CoverageOptions& o) {
    if (!o.gguf.empty() && !o.model.empty()) return "give either --gguf FILE or --model NAME";
    if (o.prefill == 0 || o.prefill > k_largest_prefill) return "--prefill is 1 to 1048576";
    if (!(o.clock_mhz >= 10 && o.clock_mhz <= 10'000)) return "--clock-mhz is 10 to 10000";
    return {};
}

Result<std::vector<Covered>> cover_all(const CoverageOptions& o, const PlanSettings& settings) {
    std::vector<Covered> models;
    if (!o.gguf.empty()) {
        const auto gguf = read_gguf(o.gguf);
        if (!gguf) return gguf.error();
        const std::string name = std::filesystem::path(o.gguf).filename();
        models.push_back({name, cover(*gguf, o.prefill, settings)});
        return models;
    }
    for (const std::string& name : o.model.empty() ? catalogue_names() : std::vector{o.model}) {
        const auto gguf = catalogue_model(name);
        if (!gguf) return gguf.error();
        models.push_back({name, cover(*gguf, o.prefill, settings)});
    }
    return models;
}

}  // namespace

std::string reason_text(const std::string& reason) {
    const auto found = reasons().find(reason);
    return found == reasons().end() ? std::string() : found->second;
}

int run_coverage(const CoverageOptions& options, std::ostream& out, std::ostream& err) {
    if (const std::string error = usage_error(options); !error.empty()) {
        err << "rosenblatt coverage: " << error << '\n';
        return k_exit_usage;
    }
    PlanSettings settings;
    settings.machine.clock_mhz = options.clock_mhz;
    settings.machine.lanes = 3;
    const auto models = cover_all(options, settings);
    if (!models) {
        err << "rosenblatt coverage: " << models.error().message << '\n';
        return k_exit_finding;
    }
    out << (options.json ? json_of(*models, settings)
                                   .dump(2, ' ', false, Json::error_handler_t::replace) +
                               "\n"
                         : text_of(*models, settings));
    return k_exit_fine;
}

}  // namespace rosenblatt::cli
