// SPDX-License-Identifier: MIT
// Reads the flattened device tree's mirror in /proc: board, NPU and MMU nodes, the rail's supply.
#include <algorithm>
#include <utility>

#include "cli/host/probes.hpp"

namespace rosenblatt::cli::host {
namespace {

constexpr std::string_view k_rocket_compatible = "rockchip,rk3588-rknn-core";
constexpr std::string_view k_vendor_compatible = "rockchip,rk3588-rknpu";

/// String lists are NUL-separated in the tree.
std::vector<std::string> read_strings(const HostRoot& root, const std::string& path) {
    std::vector<std::string> strings;
    std::string word;
    for (const char c : root.read_word(path).value_or("") + '\0') {
        if (c != '\0' && c != '\n') {
            word += c;
        } else if (!word.empty()) {
            strings.push_back(std::exchange(word, {}));
        }
    }
    return strings;
}

/// Cells are big-endian 32-bit words.
std::vector<uint32_t> read_cells(const HostRoot& root, const std::string& path) {
    std::vector<uint32_t> cells;
    const std::string bytes = root.read(path).value_or("");
    for (size_t at = 0; at + 4 <= bytes.size(); at += 4) {
        uint32_t cell = 0;
        for (size_t i = 0; i < 4; ++i) cell = cell << 8 | static_cast<uint8_t>(bytes[at + i]);
        cells.push_back(cell);
    }
    return cells;
}

std::optional<uint32_t> read_cell(const HostRoot& root, const std::string& path) {
    const auto cells = read_cells(root, path);
    if (cells.empty()) return std::nullopt;
    return cells.front();
}

bool contains(const std::vector<std::string>& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

Soc soc_of(const std::vector<std::string>& compatible) {
    const auto any = [&](std::string_view prefix) {
        return std::any_of(compatible.begin(), compatible.end(),
                           [&](const std::string& name) { return name.starts_with(prefix); });
    };
    if (any("rockchip,rk3588")) return Soc::Rk3588;  // also rk3588s
    if (any("rockchip,rk3566") || any("rockchip,rk3568")) return Soc::Rk356x;
    return Soc::Other;
}

DtNode read_node(const HostRoot& root, const std::string& path) {
    DtNode node;
    node.path = path;
    node.exists = root.is_directory(path);
    node.compatible = read_strings(root, path + "/compatible");
    node.status = root.read_word(path + "/status");
    return node;
}

/// Mainline keeps the six nodes at the root of the tree, under these names.
void read_npu_nodes(const HostRoot& root, DeviceTreeFacts& dt) {
    for (size_t i = 0; i < k_cores; ++i) {
        DtNode& core = dt.cores[i];
        core = read_node(root, dt.base + "/npu@" + k_core_addresses[i]);
        if (!core.compatible.empty() && !contains(core.compatible, k_rocket_compatible)) {
            core.exists = false;  // a node of this name, but not one that rocket binds to
        }
        dt.mmus[i] = read_node(root, dt.base + "/iommu@" + k_mmu_addresses[i]);
        const std::string rates = core.path + "/assigned-clock-rates";
        for (const uint32_t rate : read_cells(root, rates)) {
            if (rate == 0 || dt.assigned_hz) continue;  // 0 leaves that clock alone
            dt.assigned_hz = rate;
            dt.assigned_hz_from = {rates, 0, std::to_string(rate) + " Hz"};
        }
    }
}

/// The vendor's one node stands at the first core's address, whatever its name.
void read_vendor_node(const HostRoot& root, DeviceTreeFacts& dt) {
    const std::string address = std::string("@") + k_core_addresses[0];
    for (const std::string& name : root.list(dt.base)) {
        if (!name.ends_with(address)) continue;
        const std::string file = dt.base + "/" + name + "/compatible";
        if (!contains(read_strings(root, file), k_vendor_compatible)) continue;
        dt.vendor_node = Evidence{file, 0, std::string(k_vendor_compatible)};
    }
}

std::string parent(const std::string& path) {
    return path.substr(0, path.rfind('/'));
}

Regulator read_regulator(const HostRoot& root, const std::string& path) {
    return {path, root.read_word(path + "/regulator-name").value_or(""),
            root.exists(path + "/regulator-always-on")};
}

std::optional<Regulator> regulator_by_phandle(const HostRoot& root, const std::string& base,
                                              uint32_t phandle) {
    for (const std::string& file : root.find(base, "phandle")) {
        if (read_cell(root, file) == phandle) return read_regulator(root, parent(file));
    }
    return std::nullopt;
}

/// Boards whose NPU is off by default have no npu-supply: there only the rail's usual name helps.
std::optional<Regulator> regulator_by_name(const HostRoot& root, const std::string& base) {
    for (const std::string& file : root.find(base, "regulator-name")) {
        const std::string name = root.read_word(file).value_or("");
        if (name.starts_with("vdd_npu") && !name.starts_with("vdd_npu_mem")) {
            return read_regulator(root, parent(file));
        }
    }
    return std::nullopt;
}

/// Where power domain 8 stands; empty: the tree has none.
std::string find_npu_domain(const HostRoot& root, const std::string& base) {
    for (const std::string& entry : root.list(base)) {
        if (!entry.starts_with("power-management")) continue;
        const std::string domain = base + "/" + entry + "/power-controller/power-domain@8";
        if (root.is_directory(domain)) return domain;
    }
    return "";
}

void read_supply(const HostRoot& root, DeviceTreeFacts& dt) {
    std::optional<uint32_t> npu_supply;
    for (const DtNode& core : dt.cores) {
        if (!npu_supply) npu_supply = read_cell(root, core.path + "/npu-supply");
    }
    if (npu_supply) dt.regulator = regulator_by_phandle(root, dt.base, *npu_supply);
    if (!dt.regulator) dt.regulator = regulator_by_name(root, dt.base);

    const std::string domain = find_npu_domain(root, dt.base);
    if (domain.empty()) {
        dt.npu_domain = Evidence{dt.base, 0, "no power-domain@8, so no domain-supply"};
        return;
    }
    const auto supply = read_cell(root, domain + "/domain-supply");
    // An overlay that renumbers the regulator leaves this reference behind, leading nowhere.
    const bool dangling = supply && dt.regulator && npu_supply && *supply != *npu_supply &&
                          !regulator_by_phandle(root, dt.base, *supply);
    dt.domain_supplied = root.exists(domain + "/domain-supply") && !dangling;
    dt.npu_domain = Evidence{domain, 0,
                             dangling             ? "domain-supply leads to no node"
                             : dt.domain_supplied ? "domain-supply set"
                                                  : "no domain-supply"};
}

}  // namespace

DeviceTreeFacts probe_device_tree(const HostRoot& root) {
    DeviceTreeFacts dt;
    for (const char* base : {"proc/device-tree", "sys/firmware/devicetree/base"}) {
        if (dt.base.empty() && root.is_directory(base)) dt.base = base;
    }
    if (dt.base.empty()) return dt;
    dt.model = root.read_word(dt.base + "/model").value_or("");
    dt.compatible = read_strings(root, dt.base + "/compatible");
    dt.soc = soc_of(dt.compatible);
    read_npu_nodes(root, dt);
    read_vendor_node(root, dt);
    read_supply(root, dt);
    return dt;
}

}  // namespace rosenblatt::cli::host
