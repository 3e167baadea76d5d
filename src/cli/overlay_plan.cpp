// SPDX-License-Identifier: MIT
// Finds out what a device tree lacks for the NPU.
#include "cli/overlay_plan.hpp"

#include <fmt/format.h>
#include <libfdt.h>

#include <cstring>
#include <optional>
#include <string_view>

namespace rosenblatt::cli {
namespace {

constexpr const char* k_cores[] = {"/npu@fdab0000", "/npu@fdac0000", "/npu@fdad0000"};
constexpr const char* k_mmus[] = {"/iommu@fdab9000", "/iommu@fdaca000", "/iommu@fdada000"};
constexpr const char* k_domain_parents[] = {"/power-management@fd8d8000/power-controller"};

std::string path_of(const void* fdt, int node) {
    char path[1024];
    return fdt_get_path(fdt, node, path, sizeof path) == 0 ? path : "?";
}

/// A property's first string, up to its end or the property's, which need not agree.
std::optional<std::string_view> text_of(const void* fdt, int node, const char* property) {
    int bytes = 0;
    const auto* text = static_cast<const char*>(fdt_getprop(fdt, node, property, &bytes));
    if (text == nullptr || bytes < 0) return std::nullopt;
    return std::string_view(text, ::strnlen(text, static_cast<size_t>(bytes)));
}

bool is_on(const void* fdt, int node) {
    const auto status = text_of(fdt, node, "status");
    return !status || *status == "okay" || *status == "ok";
}

/// The node a one-cell reference leads to; below 0: no such property, or it leads nowhere.
int referred(const void* fdt, int node, const char* property) {
    int bytes = 0;
    const void* cell = fdt_getprop(fdt, node, property, &bytes);
    if (cell == nullptr || bytes != 4) return -FDT_ERR_NOTFOUND;
    return fdt_node_offset_by_phandle(fdt, fdt32_ld(static_cast<const fdt32_t*>(cell)));
}

int regulator_by_name(const void* fdt, std::string_view wanted) {
    for (int node = fdt_next_node(fdt, -1, nullptr); node >= 0;
         node = fdt_next_node(fdt, node, nullptr))
        if (text_of(fdt, node, "regulator-name") == wanted) return node;
    return -FDT_ERR_NOTFOUND;
}

/// Every node from here up to the root is on.
bool is_reachable(const void* fdt, int node) {
    for (; node > 0; node = fdt_parent_offset(fdt, node)) {
        if (!is_on(fdt, node)) return false;
    }
    return true;
}

class Planner {
  public:
    explicit Planner(const void* fdt) : fdt_(fdt) {}

    Result<OverlayPlan> plan(const std::string& regulator_path) {
        if (auto checked = check_soc(); !checked) return checked.error();
        if (auto found = find_domain(); !found) return found.error();
        if (auto found = find_rails(regulator_path); !found) return found.error();
        for (const char* mmu : k_mmus) switch_on(mmu);
        for (const char* core : k_cores) {
            switch_on(core);
            connect(core, "npu-supply", npu_rail_);
            connect(core, "sram-supply", sram_rail_);
        }
        connect(domain_.c_str(), "domain-supply", npu_rail_);
        return plan_;
    }

  private:
    Result<void> check_soc() const {
        const auto is = [&](const char* name) {
            return fdt_node_check_compatible(fdt_, 0, name) == 0;
        };
        if (!is("rockchip,rk3588") && !is("rockchip,rk3588s")) {
            return Error{0, "the board's compatible names no rockchip,rk3588 or rk3588s"};
        }
        for (const char* core : k_cores) {
            const int node = fdt_path_offset(fdt_, core);
            if (node >= 0 &&
                fdt_node_check_compatible(fdt_, node, "rockchip,rk3588-rknn-core") == 0)
                continue;
            return Error{
                0,
                fmt::format("{}: no such node with compatible rockchip,rk3588-rknn-core; take the "
                            "device tree of a mainline kernel of at least 6.18",
                            core)};
        }
        for (const char* mmu : k_mmus) {
            if (fdt_path_offset(fdt_, mmu) < 0)
                return Error{0, fmt::format("{}: no such node", mmu)};
        }
        return {};
    }

    Result<void> find_domain() {
        for (const char* parent : k_domain_parents) {
            const std::string path = std::string(parent) + "/power-domain@8";
            if (fdt_path_offset(fdt_, path.c_str()) >= 0) domain_ = path;
        }
        if (domain_.empty())
            return Error{0, "power-domain@8, the NPU's, is not in this device tree"};
        return {};
    }

    /// The board's own references first; then the name that nearly all boards give the rail.
    int find_npu_regulator(const std::string& given) const {
        if (!given.empty()) return fdt_path_offset(fdt_, given.c_str());
        for (const char* core : k_cores) {
            const int node = referred(fdt_, fdt_path_offset(fdt_, core), "npu-supply");
            if (node >= 0) return node;
        }
        const int by_domain =
            referred(fdt_, fdt_path_offset(fdt_, domain_.c_str()), "domain-supply");
        if (by_domain >= 0) return by_domain;
        for (const char* name : {"vdd_npu_s0", "vdd_npu"}) {
            const int node = regulator_by_name(fdt_, name);
            if (node >= 0) return node;
        }
        return -FDT_ERR_NOTFOUND;
    }

    Result<void> find_rails(const std::string& given) {
        const int npu = find_npu_regulator(given);
        if (npu < 0 && !given.empty())
            return Error{0, fmt::format("--regulator {}: no such node", given)};
        if (npu < 0) {
            return Error{
                0,
                "the NPU's regulator cannot be told: nothing refers to it and none is called "
                "vdd_npu_s0; look into the board's schematic, then give --regulator PATH"};
        }
        if (!is_reachable(fdt_, npu)) {
            return Error{0, fmt::format("the NPU's regulator {} or a bus above it is disabled",
                                        path_of(fdt_, npu))};
        }
        npu_rail_ = add_rail(npu);
        const int sram = regulator_by_name(fdt_, "vdd_npu_mem_s0");
        sram_rail_ = sram >= 0 && is_reachable(fdt_, sram) ? add_rail(sram) : npu_rail_;
        return {};
    }

    int add_rail(int node) {
        plan_.rails.push_back({path_of(fdt_, node), fdt_get_phandle(fdt_, node)});
        return static_cast<int>(plan_.rails.size()) - 1;
    }

    void switch_on(const char* path) {
        if (!is_on(fdt_, fdt_path_offset(fdt_, path))) plan_.edits.push_back({path, "status", -1});
    }

    /// A reference that leads somewhere is the board's own choice and stays.
    void connect(const char* path, const char* property, int rail) {
        if (referred(fdt_, fdt_path_offset(fdt_, path), property) < 0)
            plan_.edits.push_back({path, property, rail});
    }

    const void* fdt_;
    std::string domain_;
    int npu_rail_ = -1;
    int sram_rail_ = -1;
    OverlayPlan plan_;
};

}  // namespace

Result<OverlayPlan> plan_overlay(const Blob& base, const std::string& regulator_path) {
    if (fdt_check_full(base.data(), base.size()) != 0) {
        return Error{0, fmt::format("not a device tree blob ({} bytes)", base.size())};
    }
    return Planner(base.data()).plan(regulator_path);
}

}  // namespace rosenblatt::cli
