// SPDX-License-Identifier: MIT
// Puts the audit together: probe, judge, print, and keep the fleet's record.
#include "cli/audit.hpp"

#include <filesystem>
#include <ostream>

#include "cli/audit_report.hpp"
#include "cli/fleet.hpp"
#include "cli/host/llama.hpp"
#include "cli/host/probes.hpp"
#include "cli/verb.hpp"

namespace rosenblatt::cli {
namespace {

host::LiveFacts probe_live(const std::string& backend) {
    host::LiveFacts facts;
    if (backend.empty()) return facts;
    facts.backend_error = host::backend_complaint(backend);
    if (facts.backend_error) return facts;
    facts.llama_error =
        host::llama_complaint(backend, {"llama-cli", "llama-completion", "llama-server"});
    return facts;
}

Result<void> refresh_fleet(const std::string& path, const host::HostFacts& facts) {
    Manifest manifest;
    if (std::filesystem::exists(path)) {
        auto read = read_manifest(path);
        if (!read) return read.error();
        manifest = *read;
    }
    return write_manifest(path, refresh_manifest(manifest, facts));
}

}  // namespace

int run_audit(const AuditOptions& options, std::ostream& out, std::ostream& err) {
    if (!std::filesystem::is_directory(options.root)) {
        err << "rosenblatt audit: --root " << options.root << " is not a directory\n";
        return k_exit_usage;
    }
    const host::HostRoot root(options.root);
    host::HostFacts facts = host::probe_host(root, *host::device_nodes(root));
    if (!options.fleet.empty()) {
        const auto manifest = read_manifest(options.fleet);
        if (!manifest) {
            err << "rosenblatt audit: " << manifest.error().message << '\n';
            return k_exit_usage;
        }
        if (const auto checked = check_manifest(options.fleet, *manifest); !checked) {
            err << "rosenblatt audit: " << checked.error().message << '\n';
        }
        facts.fleet = fleet_facts(options.fleet, *manifest);
    }
    if (root.live() && facts.dt.soc == host::Soc::Rk3588) facts.live = probe_live(options.backend);
    const std::vector<Finding> findings = judge(facts);
    if (options.json) {
        out << audit_json(facts, findings)
                   .dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
            << '\n';
    } else {
        out << audit_table(facts, findings, options.colour);
    }
    if (!options.write_fleet.empty()) {
        if (const auto written = refresh_fleet(options.write_fleet, facts); !written) {
            err << "rosenblatt audit: " << written.error().message << '\n';
            return k_exit_usage;
        }
    }
    return verdict_of(facts, findings) == Verdict::Ready ? k_exit_fine : k_exit_finding;
}

}  // namespace rosenblatt::cli
