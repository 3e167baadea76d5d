// SPDX-License-Identifier: MIT
// Gathers the records by what they hold, not by their names, and puts the page together.
#include "cli/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <ostream>

#include "cli/fleet.hpp"
#include "cli/input.hpp"
#include "cli/profile.hpp"
#include "cli/report_sections.hpp"
#include "cli/svg.hpp"
#include "cli/verb.hpp"

namespace rosenblatt::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

const char* const k_page_style = R"(
body{font:16px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:660px;margin:0 auto;padding:12px 16px 48px}
h1{font-size:1.6em;margin:.4em 0}h2{font-size:1.25em;margin:1.8em 0 .4em;border-bottom:1px solid var(--grid)}
h3{font-size:1.05em}svg{display:block;width:100%;height:auto;margin:10px 0}code{font-size:.88em;overflow-wrap:anywhere}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85em;margin:8px 0}
th,td{text-align:left;vertical-align:top;padding:4px 10px 4px 0;border-bottom:1px solid var(--grid)}
th{color:var(--soft);font-weight:600}.legend{font-size:.85em;color:var(--soft)}.legend span{display:inline-block;margin-right:12px}
.legend i{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:5px}
.b0{background:var(--c0)}.b1{background:var(--c1)}.b2{background:var(--c2)}.b3{background:var(--c3)}.b4{background:var(--c4)}.b5{background:var(--c5)}.b6{background:var(--c6)}
.verdict{padding:1px 9px;border-radius:9px;border:1px solid}.ready{color:var(--c2)}.action-needed{color:var(--c4)}.unsupported{color:var(--c1)}
)";

/// Puts one JSON file where it belongs. Errors: it is none of what a report is made of.
Result<void> sort_in(const std::string& path, Records& records) {
    const auto bytes = read_input(path);
    if (!bytes) return bytes.error();
    const std::string name = fs::path(path).filename();
    const Json json = Json::parse(*bytes, nullptr, false);
    if (json.is_object() && json.contains("verdict")) {
        records.audits.push_back(json);
    } else if (auto baseline = baseline_from_json(json)) {
        records.baselines.push_back(std::move(*baseline));
    } else if (name == "accuracy.json" && json.is_object()) {
        records.accuracy = json;
    } else if (const auto phases = profile_phases(*bytes); phases.ok()) {
        for (const Json& phase : *phases) records.profiles.emplace_back(name, phase);
    } else {
        return Error{0, path + ": neither audit, profile, baseline nor accuracy; left out"};
    }
    return {};
}

std::vector<std::string> files_in(const std::string& folder, const char* suffix) {
    std::vector<std::string> files;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored))
        if (entry.path().extension() == suffix) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

Records gather(const std::string& folder, std::ostream& err) {
    Records records;
    const auto complain = [&](const std::string& why) {
        err << "rosenblatt report: " << why << '\n';
    };
    for (const std::string& file : files_in(folder + "/benchmarks", ".json"))
        if (const auto sorted = sort_in(file, records); !sorted) complain(sorted.error().message);
    for (const std::string& file : files_in(folder + "/fleet", ".yaml")) {
        auto manifest = read_manifest(file);
        if (manifest)
            records.fleet.push_back(std::move(*manifest));
        else
            complain(manifest.error().message);
    }
    return records;
}

std::string page(const Records& records, const PlannedModel& planned) {
    // The policy lets the browser itself prove that nothing is fetched from anywhere.
    return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
           "'unsafe-inline'\">\n"
           "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
           "<title>Rosenblatt report</title>\n<style>" +
           std::string(svg::k_chart_style) + k_page_style +
           "</style></head><body>\n<h1>Rosenblatt</h1>\n<p>Large language models on the RK3588's "
           "NPU, on the mainline kernel.</p>\n" +
           audit_section(records) + profile_section(records) + roofline_section(planned) +
           timeline_section(planned) + accuracy_section(records) + baseline_section(records) +
           "</body></html>\n";
}

Result<PlannedModel> plan_for(const ReportOptions& options) {
    auto model = options.gguf.empty() ? named_model(options.model, options.prefill)
                                      : gguf_model(options.gguf, options.prefill);
    if (!model) return model.error();
    PlanSettings settings;
    settings.machine.clock_mhz = options.clock_mhz;
    return plan_model(std::move(*model), settings);
}

}  // namespace

int run_report(const ReportOptions& options, std::ostream& out, std::ostream& err) {
    if (options.prefill < 1 || options.prefill > 1 << 20 ||
        !(options.clock_mhz >= 10 && options.clock_mhz <= 10'000)) {
        err << "rosenblatt report: --prefill is 1 to 1048576, --clock-mhz 10 to 10000\n";
        return k_exit_usage;
    }
    if (!std::filesystem::is_directory(options.records)) {
        err << "rosenblatt report: --records " << options.records
            << " is not a folder that exists\n";
        return k_exit_finding;
    }
    const auto planned = plan_for(options);
    if (!planned) {
        err << "rosenblatt report: " << planned.error().message << '\n';
        return k_exit_finding;
    }
    const Records records = gather(options.records, err);
    const std::string html = page(records, *planned);
    if (const auto written = write_output(options.output, html); !written) {
        err << "rosenblatt report: " << written.error().message << '\n';
        return k_exit_finding;
    }
    out << fmt::format("{}: {} audits, {} profiles, {} baselines, {} hosts, {} kB\n",
                       options.output, records.audits.size(), records.profiles.size(),
                       records.baselines.size(), records.fleet.size(), html.size() / 1000);
    return k_exit_fine;
}

}  // namespace rosenblatt::cli
