// SPDX-License-Identifier: MIT
// What was recorded: audits and manifests, op profiles, accuracy, baselines over time.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "cli/profile.hpp"
#include "cli/report_sections.hpp"
#include "cli/svg.hpp"

namespace rosenblatt::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t k_bars = 12;
constexpr size_t k_dates_named = 6;

std::string text(const Json& object, const char* key) {
    if (!object.is_object() || !object.contains(key) || object[key].is_null()) return "-";
    const Json& value = object[key];
    if (value.is_number_float()) return fmt::format("{:.6g}", value.get<double>());
    return value.is_string() ? value.get<std::string>() : value.dump();
}

const Json& member(const Json& object, const char* key) {
    static const Json none;
    return object.is_object() && object.contains(key) ? object[key] : none;
}

std::string fleet_table(const std::vector<Json>& fleet) {
    std::vector<std::vector<std::string>> rows{
        {"host", "board", "kernel", "driver", "measured baseline"}};
    for (const Json& manifest : fleet) {
        const Json& measured = member(manifest, "baseline_measurement");
        rows.push_back(
            {text(manifest, "host"), text(manifest, "board"),
             text(member(manifest, "kernel"), "running_version"), text(manifest, "npu_driver"),
             measured.is_object() ? fmt::format("{}: {} and {} tokens/s", text(measured, "model"),
                                                text(measured, "prefill_tokens_per_second"),
                                                text(measured, "decode_tokens_per_second"))
                                  : text(manifest, "baseline_measurement")});
    }
    return html_table(rows);
}

/// One line over the dates per host, model and device.
std::string baseline_plot(const Records& records, const std::vector<std::string>& dates,
                          const std::map<std::string, int>& series, bool prefill) {
    std::map<std::string, svg::Line> lines;
    std::vector<svg::Point> points;
    for (const BaselineRecord& record : records.baselines) {
        const auto& rate = prefill ? record.prefill : record.decode;
        if (!rate) continue;
        const auto at =
            static_cast<double>(std::find(dates.begin(), dates.end(), record.date) - dates.begin());
        const std::string name = fmt::format("{} {} {}{}", record.host, record.model,
                                             record.device(), record.emulated ? " (emulated)" : "");
        const int colour = series.at(name) % 6;
        lines[name].colour = colour;
        lines[name].label = name;
        lines[name].points.emplace_back(at, rate->per_second);
        points.push_back({at, rate->per_second,
                          fmt::format("{}, {}: {:.2f} +- {:.2f} tokens/s", name, record.date,
                                      rate->per_second, rate->deviation),
                          colour});
    }
    if (points.empty()) return {};
    std::vector<svg::Line> drawn;
    for (auto& [name, line] : lines) drawn.push_back(std::move(line));
    std::vector<std::string> names = dates;
    for (size_t i = 0; i < names.size(); ++i)  // too many to be read side by side: every few
        if (i % (names.size() / k_dates_named + 1) != 0) names[i].clear();
    return svg::plot({prefill ? "Prefill" : "Decode", "", "tokens/s", false, names}, drawn, points);
}

std::string rate_text(const std::optional<Rate>& rate) {
    return rate ? fmt::format("{:.2f} ± {:.2f}", rate->per_second, rate->deviation) : "-";
}

}  // namespace

std::string html_table(const std::vector<std::vector<std::string>>& rows) {
    std::string out = "<div class=\"wide\"><table>\n";
    for (size_t i = 0; i < rows.size(); ++i) {
        out += "<tr>";
        for (const std::string& cell : rows[i])
            out += fmt::format("<{0}>{1}</{0}>", i == 0 ? "th" : "td", svg::escaped(cell));
        out += "</tr>\n";
    }
    return out + "</table></div>\n";
}

std::string audit_section(const Records& records) {
    std::string out = "<h2>Audit</h2>\n";
    if (records.audits.empty())
        out += "<p>No audit recorded; <code>rosenblatt audit --json</code> makes one.</p>\n";
    for (const Json& audit : records.audits) {
        const std::string verdict = text(audit, "verdict");
        out +=
            fmt::format("<p><b class=\"verdict {0}\">{0}</b> {1}, kernel {2}</p>\n",
                        svg::escaped(verdict), svg::escaped(text(member(audit, "host"), "distro")),
                        svg::escaped(text(member(member(audit, "host"), "kernel"), "release")));
        std::vector<std::vector<std::string>> rows{{"severity", "finding", "evidence", "fix"}};
        for (const Json& finding : member(audit, "findings"))
            rows.push_back({text(finding, "severity"), text(finding, "id"),
                            text(finding, "evidence"), text(finding, "fix")});
        if (rows.size() > 1) out += html_table(rows);
    }
    if (!records.fleet.empty()) out += "<h3>Fleet</h3>\n" + fleet_table(records.fleet);
    return out;
}

std::string profile_section(const Records& records) {
    std::string out = "<h2>Where the time goes</h2>\n";
    if (records.profiles.empty())
        return out +
               "<p>No profile recorded; <code>rosenblatt profile --json</code> makes one.</p>";
    std::string file;
    for (const auto& [name, phase] : records.profiles) {
        if (name != file) out += fmt::format("<p><code>{}</code></p>\n", svg::escaped(name));
        file = name;
        out += profile_chart(phase, k_bars);
    }
    return out + svg::legend({{0, "matmul"}, {1, "other op"}, {5, "the rest"}});
}

std::string accuracy_section(const Records& records) {
    std::string out = "<h2>Accuracy</h2>\n";
    const Json& rows_in = member(records.accuracy, "rows");
    if (!rows_in.is_array() || rows_in.empty())
        return out + "<p>Not measured here (<code>benchmarks/accuracy.json</code>).</p>\n";
    std::vector<std::vector<std::string>> rows{
        {"model", "weights", "runs on", "perplexity", "mean KLD", "same top %"}};
    for (const Json& row : rows_in)
        rows.push_back({text(row, "model"), text(row, "weights"), text(row, "runs_on"),
                        text(row, "perplexity"), text(row, "kld_mean"), text(row, "same_top")});
    return out + html_table(rows);
}

std::string baseline_section(const Records& records) {
    std::string out = "<h2>Baselines over time</h2>\n";
    if (records.baselines.empty())
        return out + "<p>None recorded; <code>rosenblatt baseline</code> makes one.</p>\n";
    std::set<std::string> seen;
    std::map<std::string, int> series;
    std::vector<std::vector<std::string>> rows{
        {"date", "host", "model", "device", "prefill tokens/s", "decode tokens/s"}};
    for (const BaselineRecord& r : records.baselines) {
        seen.insert(r.date);
        const std::string device =
            r.emulated ? std::string(r.device()) + " (emulated)" : r.device();
        series.try_emplace(fmt::format("{} {} {}", r.host, r.model, device),
                           static_cast<int>(series.size()));
        rows.push_back(
            {r.date, r.host, r.model, device, rate_text(r.prefill), rate_text(r.decode)});
    }
    const std::vector<std::string> dates(seen.begin(), seen.end());
    std::vector<std::pair<int, std::string>> names;
    for (const auto& [name, colour] : series) names.emplace_back(colour % 6, name);
    return out +
           "<p>Figures of an emulated NPU say nothing about a board: it is software on the host's "
           "CPU.</p>\n" +
           baseline_plot(records, dates, series, true) +
           baseline_plot(records, dates, series, false) + svg::legend(names) + html_table(rows);
}

}  // namespace rosenblatt::cli
