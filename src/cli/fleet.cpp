// SPDX-License-Identifier: MIT
// Reads, checks, refreshes and writes fleet manifests. The only user of yaml-cpp.
#include "cli/fleet.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "cli/audit_rules.hpp"
#include "cli/fleet_schema.gen.hpp"
#include "cli/input.hpp"
#include "cli/json_schema.hpp"

namespace rosenblatt::cli {
namespace {

/// A plain YAML scalar is a number or a truth value when it reads like one; a quoted one never is.
Manifest scalar_to_json(const YAML::Node& node) {
    const std::string text = node.Scalar();
    if (node.Tag() == "!") return text;
    int64_t integer = 0;
    double real = 0;
    bool truth = false;
    if (YAML::convert<int64_t>::decode(node, integer) && std::to_string(integer) == text)
        return integer;
    if (YAML::convert<double>::decode(node, real)) return real;
    if ((text == "true" || text == "false") && YAML::convert<bool>::decode(node, truth))
        return truth;
    return text;
}

Manifest to_json(const YAML::Node& node) {
    if (node.IsScalar()) return scalar_to_json(node);
    if (node.IsSequence()) {
        Manifest list = Manifest::array();
        for (const auto& item : node) list.push_back(to_json(item));
        return list;
    }
    if (!node.IsMap()) return nullptr;
    Manifest object = Manifest::object();
    for (const auto& item : node) object[item.first.Scalar()] = to_json(item.second);
    return object;
}

void emit(YAML::Emitter& out, const Manifest& value) {
    if (value.is_object()) {
        out << YAML::BeginMap;
        for (const auto& [key, member] : value.items()) {
            out << YAML::Key << key << YAML::Value;
            emit(out, member);
        }
        out << YAML::EndMap;
    } else if (value.is_array()) {
        out << YAML::BeginSeq;
        for (const Manifest& member : value) emit(out, member);
        out << YAML::EndSeq;
    } else if (value.is_string()) {
        const std::string text = value;
        const bool looks_typed = !scalar_to_json(YAML::Node(text)).is_string();
        if (looks_typed) out << YAML::DoubleQuoted;
        out << text;
    } else {
        out << value.dump();
    }
}

std::string plain(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (std::isalnum(static_cast<unsigned char>(c))) out += static_cast<char>(std::tolower(c));
        if (c == '+') out += "plus";
    }
    return out;
}

std::string driver_name(const host::KernelFacts& kernel) {
    if (kernel.vendor_driver) return "rknpu";
    const auto loaded = rocket_loaded(kernel);
    if (!loaded) return "unknown";
    return *loaded ? "rocket" : "none";
}

std::string state_of(const host::DtNode& node) {
    if (!node.exists) return "missing";
    return node.enabled() ? "okay" : "disabled";
}

std::string soc_name(const host::DeviceTreeFacts& dt) {
    for (const std::string& name : dt.compatible) {
        for (const char* soc : {"rockchip,rk3588s", "rockchip,rk3588"}) {
            if (name == soc) return name.substr(name.find(',') + 1);
        }
    }
    return "unknown";
}

std::string or_unknown(const std::string& text) {
    return text.empty() ? "unknown" : text;
}

}  // namespace

Result<Manifest> read_manifest(const std::string& path) {
    Manifest manifest;
    try {
        manifest = to_json(YAML::LoadFile(path));
    } catch (const YAML::Exception& problem) {
        return Error{0, fmt::format("{}: not readable as YAML: {}", path, problem.what())};
    }
    if (!manifest.is_object())
        return Error{0, path + ": not a YAML map; fleet/boltzmann.yaml is an example"};
    return manifest;
}

Result<void> check_manifest(const std::string& path, const Manifest& manifest) {
    const auto complaints = check_schema(manifest, Manifest::parse(k_fleet_schema));
    if (complaints.empty()) return {};
    return Error{0, fmt::format("{}: {} (fleet/schema.json says what a manifest holds)", path,
                                fmt::join(complaints, "; "))};
}

Result<void> write_manifest(const std::string& path, const Manifest& manifest) {
    if (const auto checked = check_manifest(path, manifest); !checked) return checked.error();
    const auto place = output_place(path);
    if (!place) return place.error();
    YAML::Emitter out;
    emit(out, manifest);
    const std::string partial = *place + ".new";
    {
        std::ofstream file(partial);
        file << "# SPDX-License-Identifier: MIT\n" << out.c_str() << '\n';
        if (!file.flush()) {
            const int code = errno;
            std::remove(partial.c_str());
            return Error{code, fmt::format("{}: cannot be written: {}", path, std::strerror(code))};
        }
    }
    if (std::rename(partial.c_str(), place->c_str()) != 0)
        return Error{errno, fmt::format("{}: cannot be replaced: {}", path, std::strerror(errno))};
    return {};
}

host::FleetFacts fleet_facts(const std::string& path, const Manifest& manifest) {
    host::FleetFacts facts;
    facts.path = path;
    const Manifest none = Manifest::object();
    const auto member = [&](const Manifest& object, const char* key) {
        return object.is_object() && object.contains(key) ? object[key] : none;
    };
    const Manifest board = member(manifest, "board");
    if (board.is_string() && board != "unknown") facts.board = board;
    for (const Manifest& patch : member(member(manifest, "kernel"), "patches")) {
        if (patch.is_string()) facts.patches.push_back(patch);
    }
    return facts;
}

Manifest refresh_manifest(Manifest manifest, const host::HostFacts& facts) {
    const auto keep = [](Manifest& object, const char* key, Manifest otherwise) {
        if (!object.contains(key)) object[key] = std::move(otherwise);
    };
    if (manifest.is_null()) manifest = Manifest::object();
    keep(manifest, "host", or_unknown(facts.identity.hostname));
    manifest["soc"] = soc_name(facts.dt);
    keep(manifest, "board", or_unknown(facts.dt.model));
    manifest["distro"] = or_unknown(facts.identity.distro);
    Manifest& hardware = manifest["hardware"];
    if (hardware.is_null()) hardware = Manifest::object();
    if (facts.memory.total_kib) {  // the firmware keeps a little: round up to the size on the label
        const double gib = static_cast<double>(*facts.memory.total_kib) / (1 << 20);
        hardware["memory_gib"] = static_cast<int64_t>(std::ceil(gib));
    }
    keep(hardware, "memory_type", "unknown");
    Manifest& kernel = manifest["kernel"];
    if (kernel.is_null()) kernel = Manifest::object();
    kernel["running_version"] = or_unknown(facts.kernel.release);
    manifest["npu_driver"] = driver_name(facts.kernel);
    Manifest nodes = Manifest::object();
    for (size_t i = 0; i < host::k_cores; ++i) {
        nodes[std::string("npu@") + host::k_core_addresses[i]] = state_of(facts.dt.cores[i]);
        nodes[std::string("iommu@") + host::k_mmu_addresses[i]] = state_of(facts.dt.mmus[i]);
    }
    manifest["dt_npu_nodes"] = nodes;
    keep(manifest, "baseline_measurement", "unknown");
    return manifest;
}

bool same_board(const std::string& claimed, const std::string& model,
                const std::vector<std::string>& compatible) {
    const std::string wanted = plain(claimed);
    const auto matches = [&](const std::string& full, char separator) {
        return wanted == plain(full) || wanted == plain(full.substr(full.find(separator) + 1));
    };
    return matches(model, ' ') || std::any_of(compatible.begin(), compatible.end(),
                                              [&](const auto& name) { return matches(name, ','); });
}

std::optional<host::KernelVersion> patch_merged_in(const std::string& patch) {
    static const std::pair<const char*, host::KernelVersion> k_merged[] = {
        {"rocket-prep-bo-return", {7, 1}},    {"rocket-submit-fixes", {7, 2}},
        {"rock-5-itx-npu-enable", {7, 2}},    {"iommu-fetch-time-limit", {7, 2}},
        {"iommu-per-device-ops", {7, 3}},     {"iommu-all-clocks", {7, 3}},
        {"iommu-clear-stale-faults", {7, 3}},
    };
    for (const auto& [name, version] : k_merged) {
        if (patch == name) return version;
    }
    return std::nullopt;
}

}  // namespace rosenblatt::cli
