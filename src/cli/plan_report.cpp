// SPDX-License-Identifier: MIT
// The two faces of a plan. The JSON keys are a contract; the text is not.
#include "cli/plan_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "compile/planner.hpp"

namespace rosenblatt::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t k_drawing_width = 64;
constexpr size_t k_drawing_height = 9;
constexpr size_t k_rows_shown = 36;

const char* name(compile::Layout layout) {
    return layout == compile::Layout::Native ? "native" : "rowmajor";
}

const char* name(compile::NumberType type) {
    return type == compile::NumberType::Int8 ? "int8" : "f16";
}

Json tile_json(const compile::Tile& t) {
    return {{"lane", t.lane},
            {"m0", t.m0},
            {"m", t.m},
            {"k0", t.k0},
            {"k", t.k},
            {"n0", t.n0},
            {"n", t.n},
            {"data_banks", t.data_banks},
            {"weight_banks", t.weight_banks},
            {"weight_reuse", t.weight_reuse},
            {"data_reuse", t.data_reuse},
            {"layout_a", name(t.layout_a)},
            {"layout_c", name(t.layout_c)}};
}

std::string machine_text(const npu::Machine& machine) {
    return fmt::format("{} lane{}, {:g} MHz, {}", machine.lanes, machine.lanes == 1 ? "" : "s",
                       machine.clock_mhz, rosenblatt::name(machine.board));
}

/// The lane that owns the middle of each cell of W, K downwards and N to the right.
std::string drawing(const compile::Plan& plan) {
    const size_t height = std::min<size_t>(k_drawing_height, (plan.shape.k + 31) / 32);
    const size_t width = std::min<size_t>(k_drawing_width, (plan.shape.n + 31) / 32);
    std::string text = fmt::format("W, lane by lane: k 0 to {} downwards, n 0 to {} to the right\n",
                                   plan.shape.k, plan.shape.n);
    for (size_t y = 0; y < height; ++y) {
        text += "  ";
        for (size_t x = 0; x < width; ++x) {
            const size_t k = (2 * y + 1) * plan.shape.k / (2 * height);
            const size_t n = (2 * x + 1) * plan.shape.n / (2 * width);
            const auto owns = [&](const compile::Tile& t) {
                return t.m0 == 0 && k >= t.k0 && k < t.k0 + t.k && n >= t.n0 && n < t.n0 + t.n;
            };
            const auto tile = std::find_if(plan.tiles.begin(), plan.tiles.end(), owns);
            text += tile == plan.tiles.end() ? '.' : "0123456789abcdef"[tile->lane % 16];
        }
        text += '\n';
    }
    text += "rows of each task:";
    for (const compile::Rows& rows : plan.row_ranges)
        if (&rows - plan.row_ranges.data() < 12)
            text += fmt::format(" {}..{}", rows.m0, rows.m0 + rows.m - 1);
    return text + (plan.row_ranges.size() > 12 ? " ...\n" : "\n");
}

std::string reuse_text(const compile::Tile& t) {
    if (t.weight_reuse) return t.data_reuse ? "both" : "weights";
    return t.data_reuse ? "features" : "-";
}

std::string tile_table(const compile::Plan& plan) {
    std::string text = fmt::format("{:>4} {:>14} {:>14} {:>16} {:>6} {:>9} {:>10}\n", "lane",
                                   "rows", "channels", "columns", "banks", "reuse", "task ms");
    for (size_t i = 0; i < std::min(k_rows_shown, plan.tiles.size()); ++i) {
        const compile::Tile& t = plan.tiles[i];
        const auto time =
            npu::task_time(compile::task_work(t, plan.type, {}), plan.conditions.machine);
        text += fmt::format("{:>4} {:>14} {:>14} {:>16} {:>6} {:>9} {:>10.3f}\n", t.lane,
                            fmt::format("{}+{}", t.m0, t.m), fmt::format("{}+{}", t.k0, t.k),
                            fmt::format("{}+{}", t.n0, t.n),
                            fmt::format("{}+{}", t.data_banks, t.weight_banks), reuse_text(t),
                            time.total() / 1e6);
    }
    if (plan.tiles.size() > k_rows_shown)
        text += fmt::format("     ... and {} more tasks (--json lists all)\n",
                            plan.tiles.size() - k_rows_shown);
    return text;
}

double busy(const PlannedMatmul& planned) {
    return lanes_busy(planned.lanes_ns, planned.npu_ns, planned.plan.conditions.machine);
}
double busy(const PlannedModel& planned) {
    return lanes_busy(planned.lanes_ns, planned.npu_ns, planned.settings.machine);
}

std::string totals_text(uint64_t tasks, uint64_t submits, double time_ns, double score_ns,
                        double utilisation, double busy, uint64_t bytes, uint64_t least,
                        const Costs& costs) {
    return fmt::format(
        "{} tasks, {} submits; {:.3f} ms (fitted model), bound by {}; lanes busy {:.1f} %\n"
        "scoring model v1: {:.3f} ms, {:.1f} % of the MAC peak\n"
        "DMA {:.2f} MB, {:.2f} times the fewest of any legal tiling\n",
        tasks, submits, time_ns / 1e6, costs.bound(), 100 * busy, score_ns / 1e6, 100 * utilisation,
        static_cast<double>(bytes) / 1e6, static_cast<double>(bytes) / static_cast<double>(least));
}

}  // namespace

Json plan_json(const PlannedMatmul& planned) {
    Json tiles = Json::array();
    for (const compile::Tile& tile : planned.plan.tiles) tiles.push_back(tile_json(tile));
    return {{"tiles", std::move(tiles)},           {"tasks", planned.plan.tiles.size()},
            {"submits", planned.plan.jobs.size()}, {"time_ms", planned.time_ns / 1e6},
            {"score_ms", planned.score_ns / 1e6},  {"mac_utilisation", planned.mac_utilisation},
            {"dma_bytes", planned.plan.dma_bytes}, {"dma_bytes_min", planned.least_dma_bytes},
            {"bound", planned.costs.bound()},      {"lanes_busy", busy(planned)}};
}

Json plan_json(const PlannedModel& planned) {
    Json matmuls = Json::array();
    for (size_t i = 0; i < planned.matmuls.size(); ++i) {
        const ModelMatmul& matmul = planned.model.matmuls[i];
        Json entry = {{"name", matmul.name},
                      {"m", matmul.shape.m},
                      {"k", matmul.shape.k},
                      {"n", matmul.shape.n},
                      {"count", matmul.count}};
        entry.update(plan_json(planned.matmuls[i]));
        matmuls.push_back(std::move(entry));
    }
    return {{"model", planned.model.name},
            {"prefill", planned.model.prefill},
            {"lanes", planned.settings.machine.lanes},
            {"clock_mhz", planned.settings.machine.clock_mhz},
            {"board", rosenblatt::name(planned.settings.machine.board)},
            {"macs", planned.macs},
            {"tasks", planned.tasks},
            {"submits", planned.submits},
            {"time_ms", planned.time_ns / 1e6},
            {"score_ms", planned.score_ns / 1e6},
            {"mac_utilisation", planned.mac_utilisation},
            {"dma_bytes", planned.dma_bytes},
            {"dma_bytes_min", planned.least_dma_bytes},
            {"bound", planned.costs.bound()},
            {"lanes_busy", busy(planned)},
            {"tokens_per_second", planned.tokens_per_second()},
            {"host_ms", planned.host_ns / 1e6},
            {"cpu_ops_ms", planned.cpu_ops_ns / 1e6},
            {"packed_bytes", planned.packed_bytes},
            {"ram_bytes", planned.ram_bytes()},
            {"load_ms", planned.load_ns / 1e6},
            {"matmuls", std::move(matmuls)}};
}

std::string plan_text(const PlannedMatmul& planned) {
    const compile::Plan& plan = planned.plan;
    return fmt::format("{} x {} x {} {} (M x K x N), {}\n\n{}\n{}\n{}", plan.shape.m, plan.shape.k,
                       plan.shape.n, name(plan.type), machine_text(plan.conditions.machine),
                       drawing(plan), tile_table(plan),
                       totals_text(plan.tiles.size(), plan.jobs.size(), planned.time_ns,
                                   planned.score_ns, planned.mac_utilisation, busy(planned),
                                   plan.dma_bytes, planned.least_dma_bytes, planned.costs));
}

std::string plan_text(const PlannedModel& planned) {
    const ModelShape& model = planned.model;
    std::string text =
        fmt::format("{}, prefill of {} tokens, {}, {}\n\n", model.name, model.prefill,
                    name(planned.settings.type), machine_text(planned.settings.machine));
    text += fmt::format("{:<16} {:>22} {:>6} {:>7} {:>10} {:>8} {:>9} {:>9}\n", "matmul",
                        "M x K x N", "count", "tasks", "ms each", "of peak", "DMA MB", "bound");
    for (size_t i = 0; i < planned.matmuls.size(); ++i) {
        const ModelMatmul& matmul = model.matmuls[i];
        const PlannedMatmul& one = planned.matmuls[i];
        text += fmt::format(
            "{:<16} {:>22} {:>6} {:>7} {:>10.3f} {:>6.1f} % {:>9.2f} {:>9}\n", matmul.name,
            fmt::format("{} x {} x {}", matmul.shape.m, matmul.shape.k, matmul.shape.n),
            matmul.count, one.plan.tiles.size(), one.time_ns / 1e6, 100 * one.mac_utilisation,
            static_cast<double>(one.plan.dma_bytes) / 1e6, one.costs.bound());
    }
    text += "\n" + totals_text(planned.tasks, planned.submits, planned.time_ns, planned.score_ns,
                               planned.mac_utilisation, busy(planned), planned.dma_bytes,
                               planned.least_dma_bytes, planned.costs);
    text += fmt::format(
        "\nexpected: {:.0f} tokens/s of prefill ({:.0f} if the CPU's part were hidden)\n"
        "  NPU {:.0f} ms, packing and unpacking {:.0f} ms, attention and the rest {:.0f} ms\n"
        "  RAM {:.2f} GB (packed weights {:.2f} GB), {:.1f} s more to load\n"
        "  modelled, never run on a board: docs/timing.md, docs/tile-size.md\n",
        planned.tokens_per_second(), model.prefill / (planned.time_ns * 1e-9),
        planned.time_ns / 1e6, planned.host_ns / 1e6, planned.cpu_ops_ns / 1e6,
        static_cast<double>(planned.ram_bytes()) / 1e9,
        static_cast<double>(planned.packed_bytes) / 1e9, planned.load_ns / 1e9);
    return text;
}

}  // namespace rosenblatt::cli
