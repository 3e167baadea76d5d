// SPDX-License-Identifier: MIT
// Reads what decides speed rather than function: clocks, governors, idle states, limits, memory.
#include <charconv>
#include <cstring>

#include "cli/host/probes.hpp"

namespace rosenblatt::cli::host {
namespace {

/// A submit costs about 54 us; waking a core from a state slower than that dominates every job.
constexpr uint64_t k_deep_idle_us = 50;

std::optional<uint64_t> number(std::string_view text, int base = 10) {
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || end == text.data()) return std::nullopt;
    return value;
}

std::vector<std::string_view> words(std::string_view line) {
    std::vector<std::string_view> out;
    size_t at = 0;
    while ((at = line.find_first_not_of(" \t", at)) != std::string_view::npos) {
        const size_t end = std::min(line.find_first_of(" \t", at), line.size());
        out.push_back(line.substr(at, end - at));
        at = end;
    }
    return out;
}

/// clk_summary columns: name, enable, prepare and protect counts, rate. Readable by root only.
void read_npu_clock(const HostRoot& root, TuningFacts& facts) {
    const std::string path = "sys/kernel/debug/clk/clk_summary";
    const std::string text = root.read(path).value_or("");
    size_t line_number = 0;
    for (const std::string_view line : lines_of(text)) {
        ++line_number;
        const auto columns = words(line);
        if (columns.size() < 5 || columns[0] != "scmi_clk_npu") continue;
        facts.npu_clock_hz = number(columns[4]);
        facts.npu_clock_from = {path, line_number,
                                "scmi_clk_npu " + std::string(columns[4]) + " Hz"};
        return;
    }
}

std::optional<Evidence> off_performance(const HostRoot& root, const std::string& path) {
    const auto governor = root.read_word(path);
    if (!governor || governor->empty() || *governor == "performance") return std::nullopt;
    return Evidence{path, 0, *governor};
}

std::optional<Evidence> slow_cpu_governor(const HostRoot& root) {
    const std::string cpu = "sys/devices/system/cpu/";
    for (const std::string& policy : root.list(cpu + "cpufreq")) {
        if (auto slow = off_performance(root, cpu + "cpufreq/" + policy + "/scaling_governor"))
            return slow;
    }
    for (const std::string& name : root.list(cpu)) {
        if (auto slow = off_performance(root, cpu + name + "/cpufreq/scaling_governor"))
            return slow;
    }
    return std::nullopt;
}

/// The DRAM controller's devfreq device is called "dmc" wherever a kernel has one.
std::optional<Evidence> slow_memory_governor(const HostRoot& root) {
    for (const std::string& name : root.list("sys/class/devfreq")) {
        const auto is = [&](const char* word) { return name.find(word) != std::string::npos; };
        if (!is("dmc") && !is("ddr") && !is("memory")) continue;
        if (auto slow = off_performance(root, "sys/class/devfreq/" + name + "/governor"))
            return slow;
    }
    return std::nullopt;
}

/// The latency that some program has asked the kernel to keep, in us. The node gives 4 bytes.
std::optional<uint64_t> requested_latency(const HostRoot& root) {
    const auto bytes = root.read("dev/cpu_dma_latency");
    if (!bytes) return std::nullopt;
    if (!bytes->empty() && bytes->find_first_not_of("0123456789 \n") == std::string::npos)
        return number(*bytes);  // a copy of the node may be text
    if (bytes->size() != 4) return std::nullopt;
    int32_t value = 0;
    std::memcpy(&value, bytes->data(), sizeof value);
    return value < 0 ? 0 : static_cast<uint64_t>(value);
}

std::optional<Evidence> deep_idle_state(const HostRoot& root) {
    if (requested_latency(root).value_or(k_deep_idle_us + 1) <= k_deep_idle_us) return std::nullopt;
    const std::string cpus = "sys/devices/system/cpu/";
    for (const std::string& cpu : root.list(cpus)) {
        for (const std::string& state : root.list(cpus + cpu + "/cpuidle")) {
            const std::string path = cpus + cpu + "/cpuidle/" + state;
            const auto latency = number(root.read_word(path + "/latency").value_or(""));
            if (!latency || *latency <= k_deep_idle_us) continue;
            if (root.read_word(path + "/disable").value_or("0") != "0") continue;
            const std::string name = root.read_word(path + "/name").value_or(state);
            return Evidence{path + "/latency", 0,
                            std::to_string(*latency) + " us, state " + name + " not disabled"};
        }
    }
    return std::nullopt;
}

void read_open_files(const HostRoot& root, TuningFacts& facts) {
    const std::string path = "proc/self/limits";
    const std::string text = root.read(path).value_or("");
    size_t line_number = 0;
    for (const std::string_view line : lines_of(text)) {
        ++line_number;
        if (!line.starts_with("Max open files")) continue;
        const auto columns = words(line.substr(std::strlen("Max open files")));
        if (columns.empty() || columns[0] == "unlimited") return;
        facts.open_files = number(columns[0]);
        facts.open_files_from = {path, line_number, "soft limit " + std::string(columns[0])};
        return;
    }
}

}  // namespace

TuningFacts probe_tuning(const HostRoot& root) {
    TuningFacts facts;
    read_npu_clock(root, facts);
    facts.slow_cpu_governor = slow_cpu_governor(root);
    facts.slow_memory_governor = slow_memory_governor(root);
    facts.deep_idle_state = deep_idle_state(root);
    read_open_files(root, facts);
    return facts;
}

MemoryFacts probe_memory(const HostRoot& root) {
    constexpr uint64_t k_4gib = uint64_t{1} << 32;
    MemoryFacts facts;
    size_t line_number = 0;
    const std::string meminfo = root.read("proc/meminfo").value_or("");
    for (const std::string_view line : lines_of(meminfo)) {
        ++line_number;
        const auto columns = words(line);
        if (columns.size() < 2 || columns[0] != "MemTotal:") continue;
        facts.total_kib = number(columns[1]);
        if (facts.total_kib.value_or(0) > k_4gib / 1024) {
            facts.above_4gib = Evidence{"proc/meminfo", line_number, std::string(line)};
        }
    }
    line_number = 0;
    const std::string iomem =
        root.read("proc/iomem").value_or("");  // all zeros unless root reads it
    for (const std::string_view line : lines_of(iomem)) {
        ++line_number;
        if (line.find(" : System RAM") == std::string_view::npos) continue;
        const auto last = number(line.substr(std::min(line.find('-') + 1, line.size())), 16);
        if (last.value_or(0) < k_4gib) continue;
        facts.above_4gib = Evidence{"proc/iomem", line_number, std::string(line)};
        break;
    }
    return facts;
}

IdentityFacts probe_identity(const HostRoot& root) {
    IdentityFacts facts;
    facts.hostname = root.read_word("proc/sys/kernel/hostname").value_or("");
    if (facts.hostname.empty()) facts.hostname = root.read_word("etc/hostname").value_or("");
    constexpr std::string_view k_key = "PRETTY_NAME=";
    const std::string release = root.read("etc/os-release").value_or("");
    for (std::string_view line : lines_of(release)) {
        if (!line.starts_with(k_key)) continue;
        line.remove_prefix(k_key.size());
        if (line.size() >= 2 && line.front() == '"') line = line.substr(1, line.size() - 2);
        facts.distro = line;
    }
    return facts;
}

HostFacts probe_host(const HostRoot& root, const DeviceNodes& nodes) {
    HostFacts facts;
    facts.root = root.directory().string();
    facts.identity = probe_identity(root);
    facts.dt = probe_device_tree(root);
    facts.kernel = probe_kernel(root);
    facts.devices = probe_devices(root, nodes);
    facts.log = probe_log(root, nodes);
    facts.tuning = probe_tuning(root);
    facts.memory = probe_memory(root);
    return facts;
}

}  // namespace rosenblatt::cli::host
