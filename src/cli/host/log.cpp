// SPDX-License-Identifier: MIT
// Looks through the kernel's log of the current boot for the NPU's complaints.
#include <algorithm>

#include "cli/host/probes.hpp"

namespace rosenblatt::cli::host {
namespace {

/// What rockchip-iommu prints when an NPU access went wrong. Stall time-outs are left out: every
/// reset after a job time-out prints them, fault or not.
constexpr std::string_view k_fault_texts[] = {
    "Page fault at",
    "Page fault while iommu not attached",
    "BUS_ERROR occurred",
    "MMU_DTE_ADDR is not functioning",
};

bool is_npu_fault(std::string_view line) {
    const bool npu = std::any_of(
        std::begin(k_mmu_addresses), std::end(k_mmu_addresses), [&](const char* address) {
            return line.find(std::string(address) + ".iommu") != std::string_view::npos;
        });
    return npu && std::any_of(std::begin(k_fault_texts), std::end(k_fault_texts),
                              [&](std::string_view text) {
                                  return line.find(text) != std::string_view::npos;
                              });
}

/// A log file may hold several boots; only what follows the last kernel banner counts.
size_t first_line_of_last_boot(const std::vector<std::string_view>& lines) {
    for (size_t i = lines.size(); i-- > 0;) {
        if (lines[i].find("Linux version ") != std::string_view::npos) return i;
    }
    return 0;
}

void scan(const std::string& path, const std::string& log, LogFacts& facts) {
    const auto lines = lines_of(log);
    for (size_t i = first_line_of_last_boot(lines); i < lines.size(); ++i) {
        const std::string_view line = lines[i];
        const Evidence here{path, i + 1, std::string(line)};
        if (!facts.iommu_fault && is_npu_fault(line)) facts.iommu_fault = here;
        if (!facts.job_timeout && line.find("NPU job timed out") != std::string_view::npos) {
            facts.job_timeout = here;
        }
    }
}

}  // namespace

LogFacts probe_log(const HostRoot& root, const DeviceNodes& nodes) {
    LogFacts facts;
    if (root.live()) {
        scan("dev/kmsg", nodes.kernel_log().value_or(""), facts);
        return facts;
    }
    for (const char* path : {"dev/kmsg", "var/log/kern.log", "var/log/dmesg"}) {
        scan(path, root.read(path).value_or(""), facts);
    }
    return facts;
}

}  // namespace rosenblatt::cli::host
