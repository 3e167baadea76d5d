// SPDX-License-Identifier: MIT
// The audit's rules, one small function each, and which finding hides which.
#include "cli/audit_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "cli/fleet.hpp"

namespace rosenblatt::cli {
namespace {

using namespace host;

/// What a rule says when it applies.
struct Claim {
    std::string evidence;
    std::string fix;
};
using Check = std::optional<Claim> (*)(const HostFacts&);

std::string release_of(const HostFacts& facts) {
    return facts.kernel.release.empty() ? "$(uname -r)" : facts.kernel.release;
}

std::string print_list(const std::vector<std::string>& parts) {
    return fmt::format("{}", fmt::join(parts, ", "));
}

// ---- the machine and its kernel

std::optional<Claim> not_rk3588(const HostFacts& f) {
    if (f.dt.soc == Soc::Rk3588) return std::nullopt;
    const std::string fix =
        "run it on an RK3588 or RK3588S board; without one, everything works on the "
        "emulated NPU: GGML_ROCKET_DEVICE=emulator";
    if (f.dt.base.empty())
        return Claim{"proc/device-tree: not there, so no RK3588 booted by device tree", fix};
    if (f.dt.compatible.empty()) return Claim{f.dt.base + "/compatible: not readable", fix};
    return Claim{f.dt.base + "/compatible: " + print_list(f.dt.compatible), fix};
}

/// An upgrade for the running release, with what it brings.
std::optional<Claim> older_than(const HostFacts& f, KernelVersion needed, const char* why) {
    if (!f.kernel.version || *f.kernel.version >= needed) return std::nullopt;
    return Claim{fmt::format("proc/sys/kernel/osrelease: {} is older than {}", f.kernel.release,
                             needed.print()),
                 fmt::format("install a kernel of at least {} ({}); on Debian: "
                             "apt install -t trixie-backports linux-image-arm64",
                             needed.print(), why)};
}

std::optional<Claim> kernel_too_old(const HostFacts& f) {
    return older_than(f, k_first_with_rocket, "the first with drivers/accel/rocket");
}

std::optional<Claim> kernel_submit_bugs(const HostFacts& f) {
    return older_than(f, k_submit_bugs_fixed,
                      "before it, a failing submit can free memory twice or stop the kernel");
}

std::optional<Claim> prep_bo_sign(const HostFacts& f) {
    return older_than(
        f, k_prep_bo_sign_fixed,
        "before it, PREP_BO returns a positive number on success, which other programs may "
        "take for a failure; our backend copes");
}

std::optional<Claim> accel_framework_missing(const HostFacts& f) {
    if (f.kernel.drm_accel.value.value_or("y") != "n") return std::nullopt;
    return Claim{f.kernel.drm_accel.from.print(),
                 "install a kernel with CONFIG_DRM_ACCEL=y; Debian's has it since 7.3: "
                 "apt install -t trixie-backports linux-image-arm64"};
}

std::optional<Claim> rocket_not_built(const HostFacts& f) {
    if (rocket_built(f.kernel).value_or(true)) return std::nullopt;
    const std::string evidence = f.kernel.rocket_config.value ? f.kernel.rocket_config.from.print()
                                                              : "lib/modules/" + f.kernel.release +
                                                                    "/modules.dep: no rocket.ko";
    return Claim{evidence, "scripts/build-rocket.sh --kernel " + release_of(f)};
}

std::optional<Claim> rocket_not_loaded(const HostFacts& f) {
    if (rocket_loaded(f.kernel).value_or(true)) return std::nullopt;
    std::string evidence = "proc/modules: no line rocket";
    if (f.kernel.module_file) evidence += "; installed: " + f.kernel.module_file->print();
    if (!f.kernel.module_file && f.kernel.module_lists_readable) {
        return Claim{evidence + "; lib/modules/" + f.kernel.release + ": no rocket.ko",
                     "install the rest of this kernel's modules (Ubuntu: linux-modules-extra-" +
                         release_of(f) + ") or run scripts/build-rocket.sh --kernel " +
                         release_of(f) + "; then modprobe rocket"};
    }
    return Claim{evidence,
                 "modprobe rocket (depmod -a first if it is not found); at every boot: "
                 "echo rocket > /etc/modules-load.d/rocket.conf"};
}

// ---- the device tree

std::vector<std::string> switched_off(const std::array<DtNode, k_cores>& nodes) {
    std::vector<std::string> off;
    for (const DtNode& node : nodes) {
        if (node.exists && !node.enabled()) off.push_back(node.path + "/status: " + *node.status);
    }
    return off;
}

std::string overlay_fix() {
    return "rosenblatt overlay --dtb /sys/firmware/fdt -o rosenblatt-npu.dtbo, then let the boot "
           "loader "
           "apply it (docs/runbook.md); Radxa ROCK 5 ITX: kernel 7.2 enables the NPU itself";
}

std::optional<Claim> npu_node_missing(const HostFacts& f) {
    if (f.dt.compatible.empty()) return std::nullopt;
    std::vector<std::string> missing;
    for (const DtNode& node : f.dt.cores) {
        if (!node.exists) missing.push_back(node.path);
    }
    if (missing.empty()) return std::nullopt;
    return Claim{
        print_list(missing) + ": no node with compatible rockchip,rk3588-rknn-core",
        "boot the device tree that came with the kernel (6.18 or newer), not an older or a "
        "vendor's one: check what the boot loader loads"};
}

std::optional<Claim> npu_node_disabled(const HostFacts& f) {
    const auto off = switched_off(f.dt.cores);
    if (off.empty()) return std::nullopt;
    return Claim{print_list(off), overlay_fix()};
}

std::optional<Claim> mmu_node_disabled(const HostFacts& f) {
    const auto off = switched_off(f.dt.mmus);
    if (off.empty()) return std::nullopt;
    return Claim{print_list(off), overlay_fix()};
}

std::optional<Claim> npu_supply_unpowered(const HostFacts& f) {
    if (!f.dt.npu_domain || f.dt.domain_supplied) return std::nullopt;
    if (!f.dt.regulator || f.dt.regulator->always_on) return std::nullopt;
    return Claim{fmt::format("{}; {} ({}): no regulator-always-on", f.dt.npu_domain->print(),
                             f.dt.regulator->path, f.dt.regulator->name),
                 "the rail may be switched off under the NPU; " + overlay_fix()};
}

std::optional<Claim> vendor_dt(const HostFacts& f) {
    if (!f.dt.vendor_node) return std::nullopt;
    return Claim{f.dt.vendor_node->print(),
                 "boot the mainline kernel's own device tree for this board"};
}

// ---- drivers and devices

std::optional<Claim> vendor_driver_loaded(const HostFacts& f) {
    if (!f.kernel.vendor_driver) return std::nullopt;
    return Claim{f.kernel.vendor_driver->print(),
                 "only one driver can have the NPU: rmmod rknpu and blacklist it, or boot a "
                 "mainline kernel"};
}

bool any_accel_node_of_ours(const HostFacts& f) {
    return std::any_of(f.devices.accel_nodes.begin(), f.devices.accel_nodes.end(),
                       [](const AccelNode& node) { return node.owner != Owner::Foreign; });
}

std::optional<Claim> node_not_bound(const HostFacts& f) {
    if (!rocket_loaded(f.kernel).value_or(false)) return std::nullopt;
    std::vector<std::string> unbound;
    for (const CoreBinding& core : f.devices.cores) {
        // Without sysfs only a device node would show that a core was bound.
        if (!core.bound.value_or(any_accel_node_of_ours(f))) unbound.push_back(core.from.print());
    }
    if (unbound.empty()) return std::nullopt;
    return Claim{print_list(unbound),
                 "look for the reason: dmesg | grep -E 'rocket|npu|rk_iommu|supply'; "
                 "retry: echo fdab0000.npu > /sys/bus/platform/drivers/rocket/bind"};
}

std::optional<Claim> accel_node_missing(const HostFacts& f) {
    if (any_accel_node_of_ours(f)) return std::nullopt;
    return Claim{"dev/accel: no node of rocket",
                 "udevadm trigger --subsystem-match=accel; in a container: "
                 "pass /dev/accel/accel0 in"};
}

std::optional<Claim> accel_node_foreign(const HostFacts& f) {
    for (const AccelNode& node : f.devices.accel_nodes) {
        if (node.owner != Owner::Foreign) continue;
        return Claim{
            node.path + " belongs to another driver: " + node.from.print(),
            "nothing to do for our backend, it asks each node for its driver; programs that take "
            "accel0 blindly need the right number"};
    }
    return std::nullopt;
}

std::optional<Claim> accel_node_permission(const HostFacts& f) {
    for (const AccelNode& node : f.devices.accel_nodes) {
        if (!node.access_error) continue;
        return Claim{node.path + ": " + *node.access_error,
                     "usermod -aG render $USER and log in again; before systemd 257 also install "
                     "70-rosenblatt-accel.rules"};
    }
    return std::nullopt;
}

std::optional<Claim> backend_not_loadable(const HostFacts& f) {
    if (!f.live || !f.live->backend_error) return std::nullopt;
    return Claim{*f.live->backend_error,
                 "build or install it, then . build/env (or set GGML_BACKEND_PATH)"};
}

std::optional<Claim> llama_version_unsupported(const HostFacts& f) {
    if (!f.live || !f.live->llama_error) return std::nullopt;
    return Claim{*f.live->llama_error, "use the llama.cpp that scripts/get_llama.sh builds"};
}

// ---- what the log, memory and tuning say

std::optional<Claim> iommu_fault_seen(const HostFacts& f) {
    if (!f.log.iommu_fault) return std::nullopt;
    return Claim{f.log.iommu_fault->print(),
                 "docs/iommu.md: three commands that tell a bad command stream from "
                 "the 4 GiB hazard; then report it with the log"};
}

std::optional<Claim> job_timeout_seen(const HostFacts& f) {
    if (!f.log.job_timeout) return std::nullopt;
    return Claim{f.log.job_timeout->print(),
                 "results of that job were lost without an error code; our backend notices and "
                 "repeats. Keep "
                 "GGML_ROCKET_VERIFY=checksum and report what ran"};
}

std::optional<Claim> iommu_high_memory(const HostFacts& f) {
    if (!f.memory.above_4gib || f.dt.soc == Soc::Other) return std::nullopt;
    if (f.dt.soc == Soc::Rk356x) {
        return Claim{f.memory.above_4gib->print(),
                     "this SoC's NPU MMU cannot reach page tables above 4 GiB: "
                     "boot with mem=3584M (docs/iommu.md)"};
    }
    return Claim{
        f.memory.above_4gib->print(),
        "nothing, unless iommu-fault-seen appears too: the 4 GiB hazard is proven for RK356x only "
        "(docs/iommu.md)"};
}

std::optional<Claim> npu_clock_low(const HostFacts& f) {
    constexpr uint64_t k_boot_hz = 200'000'000;
    if (f.kernel.rocket_clock_hz.value_or(0) > k_boot_hz) return std::nullopt;
    const bool measured = f.tuning.npu_clock_hz.has_value();
    const auto hz = measured ? f.tuning.npu_clock_hz : f.dt.assigned_hz;
    if (!hz || *hz == 0 || *hz > k_boot_hz) return std::nullopt;
    return Claim{(measured ? f.tuning.npu_clock_from : f.dt.assigned_hz_from).print(),
                 "known and harmless: mainline runs the NPU at a fifth of its clock; docs/clock.md "
                 "says what "
                 "raising it takes and risks"};
}

std::optional<Claim> cpu_governor(const HostFacts& f) {
    if (!f.tuning.slow_cpu_governor) return std::nullopt;
    return Claim{f.tuning.slow_cpu_governor->print(),
                 "for p in /sys/devices/system/cpu/cpufreq/policy*; do echo performance > "
                 "$p/scaling_governor; done"};
}

std::optional<Claim> memory_governor(const HostFacts& f) {
    if (!f.tuning.slow_memory_governor) return std::nullopt;
    return Claim{f.tuning.slow_memory_governor->print(),
                 "echo performance > /" + f.tuning.slow_memory_governor->path};
}

std::optional<Claim> deep_idle_latency(const HostFacts& f) {
    if (!f.tuning.deep_idle_state) return std::nullopt;
    return Claim{
        f.tuning.deep_idle_state->print(),
        "for s in /sys/devices/system/cpu/cpu*/cpuidle/state[1-9]*/disable; do echo 1 > $s; done "
        "(a submit costs about 54 us, waking up comes on top)"};
}

std::optional<Claim> fd_limit(const HostFacts& f) {
    constexpr uint64_t k_shell_default = 1024;  // runs out first in llama-server under many clients
    if (f.tuning.open_files.value_or(k_shell_default + 1) > k_shell_default) return std::nullopt;
    return Claim{f.tuning.open_files_from.print(),
                 "ulimit -n 65536, or LimitNOFILE=65536 in the service"};
}

std::optional<Claim> board_name_mismatch(const HostFacts& f) {
    if (!f.fleet || f.fleet->board.empty() || f.dt.model.empty()) return std::nullopt;
    if (same_board(f.fleet->board, f.dt.model, f.dt.compatible)) return std::nullopt;
    return Claim{fmt::format("{}: board \"{}\"; {}/model: \"{}\"", f.fleet->path, f.fleet->board,
                             f.dt.base, f.dt.model),
                 "read the board's silk screen and correct the one that is wrong; there is no "
                 "device tree for "
                 "the ROCK 5 ITX+, it boots the ROCK 5 ITX's"};
}

std::optional<Claim> clock_ids_bug(const HostFacts& f) {
    const auto& version = f.kernel.version;
    if (!version || *version < k_first_with_rocket || *version > k_last_read) return std::nullopt;
    return Claim{
        fmt::format("proc/sys/kernel/osrelease: {}: rocket takes its first clock four times",
                    f.kernel.release),
        "nothing: the power domain switches the other clocks on; repaired by \"accel/rocket: "
        "request "
        "the core clocks by name\" (docs/upstream.md)"};
}

std::optional<Claim> patch_not_needed(const HostFacts& f) {
    if (!f.fleet || !f.kernel.version) return std::nullopt;
    for (const std::string& patch : f.fleet->patches) {
        const auto merged = patch_merged_in(patch);
        if (!merged || *f.kernel.version < *merged) continue;
        return Claim{fmt::format("{}: kernel.patches has {}; {} has it since {}", f.fleet->path,
                                 patch, f.kernel.release, merged->print()),
                     "drop the patch from the next build (docs/upstream.md)"};
    }
    return std::nullopt;
}

struct Rule {
    const char* id;
    Severity severity;
    Check check;
};

/// Causes before consequences: the order findings of one severity are shown in.
constexpr Rule k_rules[] = {
    {"not-rk3588", Severity::Error, not_rk3588},
    {"kernel-too-old", Severity::Error, kernel_too_old},
    {"vendor-dt", Severity::Error, vendor_dt},
    {"vendor-driver-loaded", Severity::Error, vendor_driver_loaded},
    {"accel-framework-missing", Severity::Error, accel_framework_missing},
    {"rocket-not-built", Severity::Error, rocket_not_built},
    {"npu-node-missing", Severity::Error, npu_node_missing},
    {"npu-node-disabled", Severity::Error, npu_node_disabled},
    {"mmu-node-disabled", Severity::Error, mmu_node_disabled},
    {"npu-supply-unpowered", Severity::Error, npu_supply_unpowered},
    {"rocket-not-loaded", Severity::Error, rocket_not_loaded},
    {"node-not-bound", Severity::Error, node_not_bound},
    {"accel-node-missing", Severity::Error, accel_node_missing},
    {"accel-node-permission", Severity::Error, accel_node_permission},
    {"iommu-fault-seen", Severity::Error, iommu_fault_seen},
    {"backend-not-loadable", Severity::Error, backend_not_loadable},
    {"llama-version-unsupported", Severity::Error, llama_version_unsupported},
    {"iommu-high-memory", Severity::Info, iommu_high_memory},  // an error on RK356x
    {"job-timeout-seen", Severity::Warning, job_timeout_seen},
    {"kernel-submit-bugs", Severity::Warning, kernel_submit_bugs},
    {"prep-bo-sign", Severity::Warning, prep_bo_sign},
    {"accel-node-foreign", Severity::Warning, accel_node_foreign},
    {"npu-clock-low", Severity::Warning, npu_clock_low},
    {"cpu-governor", Severity::Warning, cpu_governor},
    {"memory-governor", Severity::Warning, memory_governor},
    {"deep-idle-latency", Severity::Warning, deep_idle_latency},
    {"fd-limit", Severity::Warning, fd_limit},
    {"board-name-mismatch", Severity::Warning, board_name_mismatch},
    {"clock-ids-bug", Severity::Info, clock_ids_bug},
    {"patch-not-needed", Severity::Info, patch_not_needed},
};

/// What a finding makes self-evident. Nothing else hides anything.
const std::map<std::string, std::set<std::string>> k_hides = {
    {"accel-framework-missing",
     {"rocket-not-built", "rocket-not-loaded", "node-not-bound", "accel-node-missing"}},
    {"rocket-not-built", {"rocket-not-loaded", "node-not-bound", "accel-node-missing"}},
    {"rocket-not-loaded", {"node-not-bound", "accel-node-missing"}},
    {"node-not-bound", {"accel-node-missing"}},
    {"npu-node-missing", {"npu-node-disabled", "mmu-node-disabled", "npu-supply-unpowered"}},
    {"npu-node-disabled", {"node-not-bound", "accel-node-missing"}},
    {"mmu-node-disabled", {"node-not-bound", "accel-node-missing"}},
};

void drop_hidden(const HostFacts& facts, std::vector<Finding>& findings) {
    std::set<std::string> hidden;
    for (const Finding& finding : findings) {
        const auto hides = k_hides.find(finding.id);
        if (hides != k_hides.end()) hidden.insert(hides->second.begin(), hides->second.end());
    }
    std::erase_if(findings, [&](const Finding& finding) {
        if (facts.dt.soc == Soc::Rk3588) return hidden.contains(finding.id);
        // On a foreign SoC only that matters, and on RK356x what is known to break its NPU's MMU.
        return finding.id != "not-rk3588" && finding.id != "iommu-high-memory";
    });
}

}  // namespace

const char* name(Severity severity) {
    switch (severity) {
        case Severity::Error:
            return "error";
        case Severity::Warning:
            return "warning";
        case Severity::Info:
            break;
    }
    return "info";
}

const char* name(Verdict verdict) {
    switch (verdict) {
        case Verdict::Ready:
            return "ready";
        case Verdict::ActionNeeded:
            return "action-needed";
        case Verdict::Unsupported:
            break;
    }
    return "unsupported";
}

std::optional<bool> rocket_built(const KernelFacts& kernel) {
    const std::string config = kernel.rocket_config.value.value_or("");
    if (config == "y" || config == "m" || kernel.module_file || kernel.module_builtin) return true;
    if (kernel.in_module_list.value_or(false) || kernel.driver_registered) return true;
    if (config == "n" || kernel.module_lists_readable) return false;
    return std::nullopt;
}

std::optional<bool> rocket_loaded(const KernelFacts& kernel) {
    if (kernel.in_module_list.value_or(false)) return true;
    if (kernel.rocket_config.value == "y" || kernel.module_builtin) return true;
    const bool is_module = kernel.rocket_config.value == "m" || kernel.module_file;
    if (kernel.in_module_list && is_module) return false;  // a module, and not in the list
    if (kernel.driver_registered) return true;
    if (kernel.in_module_list) return false;
    return std::nullopt;
}

std::vector<Finding> judge(const HostFacts& facts) {
    std::vector<Finding> findings;
    for (const Rule& rule : k_rules) {
        const auto claim = rule.check(facts);
        if (!claim) continue;
        Severity severity = rule.severity;
        if (rule.check == iommu_high_memory && facts.dt.soc == Soc::Rk356x)
            severity = Severity::Error;
        findings.push_back({rule.id, severity, claim->evidence, claim->fix});
    }
    drop_hidden(facts, findings);
    std::stable_sort(findings.begin(), findings.end(),
                     [](const Finding& a, const Finding& b) { return a.severity < b.severity; });
    return findings;
}

Verdict verdict_of(const HostFacts& facts, const std::vector<Finding>& findings) {
    if (facts.dt.soc != Soc::Rk3588) return Verdict::Unsupported;
    const bool broken = std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
        return finding.severity == Severity::Error;
    });
    return broken ? Verdict::ActionNeeded : Verdict::Ready;
}

}  // namespace rosenblatt::cli
