// SPDX-License-Identifier: MIT
// Checks an overlaid device tree against its base.
#include "enabled_tree.hpp"

#include <libfdt.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <set>

namespace rosenblatt::cli {
namespace {

const char* const k_six[] = {"/npu@fdab0000",   "/npu@fdac0000",   "/npu@fdad0000",
                             "/iommu@fdab9000", "/iommu@fdaca000", "/iommu@fdada000"};
const char* const k_domain = "/power-management@fd8d8000/power-controller/power-domain@8";

bool leads_to_regulator(const void* fdt, const std::string& path, const char* property) {
    int bytes = 0;
    const int node = fdt_path_offset(fdt, path.c_str());
    const void* cell = fdt_getprop(fdt, node, property, &bytes);
    if (cell == nullptr || bytes != 4) return false;
    const int target = fdt_node_offset_by_phandle(fdt, fdt32_ld(static_cast<const fdt32_t*>(cell)));
    return target >= 0 && fdt_getprop(fdt, target, "regulator-name", nullptr) != nullptr;
}

std::string path_of(const void* fdt, int node) {
    char path[1024];
    return fdt_get_path(fdt, node, path, sizeof path) == 0 ? path : "?";
}

}  // namespace

std::vector<std::string> broken_promises(const std::vector<char>& base,
                                         const std::vector<char>& result, bool supplies) {
    std::vector<std::string> broken;
    const void* after = result.data();
    if (fdt_check_full(after, result.size()) != 0) return {"not a device tree blob"};
    for (const std::string path : k_six) {
        const int node = fdt_path_offset(after, path.c_str());
        const char* status = static_cast<const char*>(fdt_getprop(after, node, "status", nullptr));
        if (status == nullptr || std::strcmp(status, "okay") != 0)
            broken.push_back(path + " is not okay");
        if (!supplies || path.find("npu@") == std::string::npos) continue;
        for (const char* property : {"npu-supply", "sram-supply"}) {
            if (!leads_to_regulator(after, path, property))
                broken.push_back(path + ": no " + property);
        }
    }
    if (supplies && !leads_to_regulator(after, k_domain, "domain-supply"))
        broken.push_back("no domain-supply");

    std::set<uint32_t> seen;
    for (int node = 0; node >= 0; node = fdt_next_node(after, node, nullptr)) {
        const uint32_t phandle = fdt_get_phandle(after, node);
        if (phandle != 0 && !seen.insert(phandle).second)
            broken.push_back(path_of(after, node) + ": number used twice");
    }
    for (int node = 0; node >= 0; node = fdt_next_node(base.data(), node, nullptr)) {
        const uint32_t phandle = fdt_get_phandle(base.data(), node);
        const std::string path = path_of(base.data(), node);
        if (phandle != 0 &&
            fdt_get_phandle(after, fdt_path_offset(after, path.c_str())) != phandle) {
            broken.push_back(path + " was renumbered");
        }
    }
    return broken;
}

std::vector<char> read_blob(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace rosenblatt::cli
