// SPDX-License-Identifier: MIT
// Puts the audit together: probe, judge, print, and keep the fleet's record.
#include "cli/audit.hpp"

#include <dlfcn.h>

#include <filesystem>
#include <ostream>

#include "cli/audit_report.hpp"
#include "cli/fleet.hpp"
#include "cli/host/probes.hpp"
#include "cli/verb.hpp"

namespace rosenblatt::cli {
namespace {

/// What llama.cpp's loader would say to this file.
std::optional<std::string> backend_error(const std::string& file) {
    void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return std::string(dlerror());
    if (dlsym(library, "ggml_backend_init") == nullptr)
        return file + ": no ggml_backend_init in it";
    return std::nullopt;  // stays loaded: ggml registers things that must not go away
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
    if (root.live()) {
        facts.live = host::LiveFacts{};
        if (!options.backend.empty()) facts.live->backend_error = backend_error(options.backend);
    }
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
