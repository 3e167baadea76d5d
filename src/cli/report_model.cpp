// SPDX-License-Identifier: MIT
// What the planner says about a model's prefill: the roofline of its matmuls and the lanes' time.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "cli/report_sections.hpp"
#include "cli/svg.hpp"
#include "compile/planner.hpp"

namespace rosenblatt::cli {
namespace {

int colour_of(const std::string& bound) {
    return bound == "mac" ? 0 : bound == "dma" ? 1 : 3;
}

double macs_of(const ModelMatmul& matmul) {
    return 1.0 * matmul.shape.m * matmul.shape.k * matmul.shape.n;
}

std::string machine_text(const PlannedModel& planned) {
    return fmt::format("{}, prefill of {} tokens, {} lanes, {:g} MHz", planned.model.name,
                       planned.model.prefill, planned.settings.machine.lanes,
                       planned.settings.machine.clock_mhz);
}

/// What a matmul's lanes do from `begin` ns on, as one span per lane or per task. Gives its end.
double add_matmul(const PlannedModel& planned, size_t index, double begin, bool by_task,
                  std::vector<svg::Span>& spans) {
    const compile::Plan& plan = planned.matmuls[index].plan;
    const std::string& name = planned.model.matmuls[index].name;
    const int colour = static_cast<int>(index % 7);
    std::map<uint32_t, double> ends;
    for (const compile::Job& job : plan.jobs) {
        double& at = ends.try_emplace(job.lane, begin).first->second;
        at += npu::submit_ns();
        const double job_begin = at;
        for (uint32_t i = job.first; i < job.first + job.count; ++i) {
            const compile::Tile& tile = plan.tiles[i];
            const auto time =
                npu::task_time(compile::task_work(tile, plan.type, {}), plan.conditions.machine);
            if (by_task)
                spans.push_back({job.lane, (at + time.kick) / 1e6, (at + time.total()) / 1e6,
                                 fmt::format("{}: {} x {} x {}, {:.3f} ms", name, tile.m, tile.k,
                                             tile.n, time.total() / 1e6),
                                 colour});
            at += time.total();
        }
        if (!by_task) spans.push_back({job.lane, job_begin / 1e6, at / 1e6, name, colour});
    }
    double end = begin;
    for (const auto& [lane, at] : ends) end = std::max(end, at);
    return end;
}

std::vector<std::string> lane_names(const PlannedModel& planned) {
    std::vector<std::string> names;
    for (uint32_t lane = 0; lane < planned.settings.machine.lanes; ++lane)
        names.push_back(fmt::format("lane {}", lane));
    return names;
}

std::string lanes_of_prefill(const PlannedModel& planned) {
    uint32_t layers = 0;
    for (const ModelMatmul& matmul : planned.model.matmuls) layers = std::max(layers, matmul.count);
    std::vector<svg::Span> spans;
    double at = 0;
    for (uint32_t layer = 0; layer < layers; ++layer)
        for (size_t i = 0; i < planned.matmuls.size(); ++i)
            if (layer < planned.model.matmuls[i].count)
                at = add_matmul(planned, i, at, false, spans);
    return svg::timeline(fmt::format("All {} layers", layers), lane_names(planned), spans, "ms");
}

std::string lanes_of_layer(const PlannedModel& planned) {
    std::vector<svg::Span> spans;
    double at = 0;
    for (size_t i = 0; i < planned.matmuls.size(); ++i)
        at = add_matmul(planned, i, at, true, spans);
    return svg::timeline("One layer, task by task (gaps: kicks and submits)", lane_names(planned),
                         spans, "ms");
}

}  // namespace

std::string roofline_section(const PlannedModel& planned) {
    const npu::Machine& machine = planned.settings.machine;
    const double peak = 1024.0 * machine.lanes * machine.clock_mhz / 1000;  // GMAC/s
    const double bandwidth = npu::read_bandwidth(machine) * machine.lanes;  // GB/s
    std::vector<svg::Point> points;
    std::vector<std::vector<std::string>> rows{
        {"matmul", "M×K×N", "count", "ms each", "MAC/byte", "GMAC/s", "bound"}};
    double right = peak / bandwidth;
    for (size_t i = 0; i < planned.matmuls.size(); ++i) {
        const ModelMatmul& matmul = planned.model.matmuls[i];
        const PlannedMatmul& one = planned.matmuls[i];
        const double per_byte = macs_of(matmul) / static_cast<double>(one.plan.dma_bytes);
        const double rate = macs_of(matmul) / one.time_ns;
        right = std::max(right, per_byte);
        points.push_back({per_byte, rate, matmul.name, colour_of(one.costs.bound())});
        rows.push_back(
            {matmul.name, fmt::format("{}×{}×{}", matmul.shape.m, matmul.shape.k, matmul.shape.n),
             fmt::format("{}", matmul.count), fmt::format("{:.3f}", one.time_ns / 1e6),
             fmt::format("{:.0f}", per_byte), fmt::format("{:.0f}", rate), one.costs.bound()});
    }
    const double ridge = peak / bandwidth, left = ridge / 8;
    const svg::Line roof{"roof", {{left, bandwidth * left}, {ridge, peak}, {right * 1.5, peak}}, 5};
    const svg::Axes axes{"Roofline of every matmul", "MAC per byte of DMA", "GMAC/s", true};
    return fmt::format(
               "<h2>Roofline</h2><p>{}: a peak of {:.0f} GMAC/s and {:.1f} GB/s. Modelled by "
               "<code>rosenblatt plan</code>, never run on a board.</p>",
               svg::escaped(machine_text(planned)), peak, bandwidth) +
           svg::plot(axes, {roof}, points) +
           svg::legend({{0, "MAC bound"}, {1, "DMA bound"}, {3, "dispatch bound"}, {5, "roof"}}) +
           html_table(rows);
}

std::string timeline_section(const PlannedModel& planned) {
    std::vector<std::pair<int, std::string>> names;
    for (size_t i = 0; i < planned.model.matmuls.size(); ++i)
        names.emplace_back(static_cast<int>(i % 7), planned.model.matmuls[i].name);
    const auto note = [](double ns) { return fmt::format("{:.0f} ms", ns / 1e6); };
    return fmt::format(
               "<h2>Lanes during one prefill</h2><p>{}. Modelled; the lanes' own time, without "
               "the CPU's work between two matmuls, which the last chart adds up: {:.0f} tokens/s "
               "expected.</p>",
               svg::escaped(machine_text(planned)), planned.tokens_per_second()) +
           lanes_of_prefill(planned) + lanes_of_layer(planned) + svg::legend(names) +
           svg::bar_chart(
               "One prefill's time",
               {{"matmuls on the NPU", planned.time_ns, note(planned.time_ns), 0},
                {"packing and unpacking on the CPU", planned.host_ns, note(planned.host_ns), 1},
                {"attention and the rest on the CPU", planned.cpu_ops_ns, note(planned.cpu_ops_ns),
                 2}});
}

}  // namespace rosenblatt::cli
