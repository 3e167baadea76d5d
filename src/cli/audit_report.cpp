// SPDX-License-Identifier: MIT
// The audit's two forms of output.
#include "cli/audit_report.hpp"

#include <fmt/format.h>

namespace rosenblatt::cli {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
Json or_null(const std::optional<T>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json nodes_json(const std::array<host::DtNode, host::k_cores>& nodes) {
    Json out = Json::object();
    for (const host::DtNode& node : nodes) {
        const std::string name = node.path.substr(node.path.rfind('/') + 1);
        if (name.empty()) continue;  // no device tree at all
        out[name] = !node.exists ? "missing" : node.enabled() ? "okay" : *node.status;
    }
    return out;
}

Json accel_json(const host::DeviceFacts& devices) {
    Json out = Json::array();
    for (const host::AccelNode& node : devices.accel_nodes) {
        const char* owner = node.owner == host::Owner::Rocket    ? "rocket"
                            : node.owner == host::Owner::Foreign ? "other"
                                                                 : "unknown";
        out.push_back({{"path", "/" + node.path}, {"owner", owner}});
    }
    return out;
}

Json host_json(const host::HostFacts& facts) {
    Json bound = Json::array();
    for (const auto& core : facts.devices.cores) bound.push_back(or_null(core.bound));
    return {{"root", facts.root},
            {"hostname", facts.identity.hostname},
            {"distro", facts.identity.distro},
            {"model", facts.dt.model},
            {"compatible", facts.dt.compatible},
            {"kernel",
             {{"release", facts.kernel.release},
              {"CONFIG_DRM_ACCEL", or_null(facts.kernel.drm_accel.value)},
              {"CONFIG_DRM_ACCEL_ROCKET", or_null(facts.kernel.rocket_config.value)}}},
            {"rocket",
             {{"built", or_null(rocket_built(facts.kernel))},
              {"loaded", or_null(rocket_loaded(facts.kernel))},
              {"bound", bound}}},
            {"npu_nodes", nodes_json(facts.dt.cores)},
            {"mmu_nodes", nodes_json(facts.dt.mmus)},
            {"accel", accel_json(facts.devices)},
            {"npu_clock_hz",
             or_null(facts.tuning.npu_clock_hz ? facts.tuning.npu_clock_hz : facts.dt.assigned_hz)},
            {"memory_kib", or_null(facts.memory.total_kib)}};
}

const char* colour_of(Severity severity) {
    switch (severity) {
        case Severity::Error:
            return "\033[1;31m";
        case Severity::Warning:
            return "\033[33m";
        case Severity::Info:
            break;
    }
    return "\033[36m";
}

}  // namespace

Json audit_json(const host::HostFacts& facts, const std::vector<Finding>& findings) {
    Json list = Json::array();
    for (const Finding& finding : findings) {
        list.push_back({{"id", finding.id},
                        {"severity", name(finding.severity)},
                        {"evidence", finding.evidence},
                        {"fix", finding.fix}});
    }
    return {{"verdict", name(verdict_of(facts, findings))},
            {"host", host_json(facts)},
            {"findings", std::move(list)}};
}

std::string audit_table(const host::HostFacts& facts, const std::vector<Finding>& findings,
                        bool colour) {
    const auto paint = [&](const char* code, const std::string& text) {
        return colour ? code + text + "\033[0m" : text;
    };
    const Verdict verdict = verdict_of(facts, findings);
    const char* verdict_colour = verdict == Verdict::Ready ? "\033[1;32m" : "\033[1;31m";
    std::string out = fmt::format("{}  {}, kernel {}\n", paint(verdict_colour, name(verdict)),
                                  facts.dt.model.empty() ? "unknown board" : facts.dt.model,
                                  facts.kernel.release.empty() ? "unknown" : facts.kernel.release);
    for (const Finding& finding : findings) {
        const std::string severity = fmt::format("{:<8}", name(finding.severity));
        out += fmt::format("{} {}\n         seen  {}\n         fix   {}\n",
                           paint(colour_of(finding.severity), severity), finding.id,
                           finding.evidence, finding.fix);
    }
    return out;
}

}  // namespace rosenblatt::cli
