// SPDX-License-Identifier: MIT
// HostFacts: what was read from a host, before anything is concluded. An empty optional always
// means "could not be read", never "no".
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/host/kernel_version.hpp"
#include "cli/host/root.hpp"

namespace rosenblatt::cli::host {

inline constexpr size_t k_cores = 3;
inline constexpr std::array<const char*, k_cores> k_core_addresses = {"fdab0000", "fdac0000",
                                                                      "fdad0000"};
inline constexpr std::array<const char*, k_cores> k_mmu_addresses = {"fdab9000", "fdaca000",
                                                                     "fdada000"};

enum class Soc { Rk3588, Rk356x, Other };

/// A device tree node the NPU needs.
struct DtNode {
    std::string path;  ///< below the root, e.g. "proc/device-tree/npu@fdab0000"
    bool exists = false;
    std::vector<std::string> compatible;  ///< empty: not readable
    std::optional<std::string> status;    ///< no property: the node is on

    bool enabled() const { return !status || *status == "okay" || *status == "ok"; }
};

/// The regulator of the NPU's rail, as far as the device tree says which one it is.
struct Regulator {
    std::string path;
    std::string name;  ///< regulator-name, may be empty
    bool always_on = false;
};

struct DeviceTreeFacts {
    std::string base;  ///< path of the tree's root; empty: no device tree
    std::string model;
    std::vector<std::string> compatible;  ///< of the board; empty: not readable
    Soc soc = Soc::Other;
    std::array<DtNode, k_cores> cores;
    std::array<DtNode, k_cores> mmus;
    std::optional<Evidence> vendor_node;  ///< an NPU node for the vendor's driver
    std::optional<Evidence> npu_domain;   ///< power domain 8; text: what feeds it
    bool domain_supplied = false;         ///< it has a domain-supply that leads somewhere
    std::optional<Regulator> regulator;
    std::optional<uint64_t> assigned_hz;  ///< assigned-clock-rates of the first core that has one
    Evidence assigned_hz_from;
};

/// One CONFIG_ symbol. `value` is "y", "m" or "n"; nothing when no config could be read.
struct ConfigSymbol {
    std::optional<std::string> value;
    Evidence from;
};

struct KernelFacts {
    std::string release;  ///< empty: not readable
    std::optional<KernelVersion> version;
    ConfigSymbol drm_accel;
    ConfigSymbol rocket_config;
    bool module_lists_readable = false;         ///< modules.dep or .order is there
    std::optional<Evidence> module_file;        ///< rocket.ko is installed or listed
    std::optional<Evidence> module_builtin;     ///< listed in modules.builtin
    std::optional<bool> in_module_list;         ///< proc/modules has rocket
    std::optional<Evidence> driver_registered;  ///< a trace of the loaded driver in sysfs
    std::optional<Evidence> vendor_driver;      ///< rknpu is here
    std::optional<uint64_t> rocket_clock_hz;    ///< parameter of patched builds of rocket
};

enum class Owner { Rocket, Foreign, Unknown };

struct AccelNode {
    std::string path;
    Owner owner = Owner::Unknown;
    Evidence from;
    std::optional<std::string> access_error;  ///< live host only: why it cannot be opened
};

struct CoreBinding {
    std::optional<bool> bound;
    Evidence from;
};

struct DeviceFacts {
    std::array<CoreBinding, k_cores> cores;
    std::vector<AccelNode> accel_nodes;
};

struct LogFacts {
    std::optional<Evidence> iommu_fault;  ///< of an NPU MMU, in the current boot
    std::optional<Evidence> job_timeout;
};

struct TuningFacts {
    std::optional<uint64_t> npu_clock_hz;  ///< what the clock tree says, if it can be read
    Evidence npu_clock_from;
    std::optional<Evidence> slow_cpu_governor;
    std::optional<Evidence> slow_memory_governor;
    std::optional<Evidence> deep_idle_state;
    std::optional<uint64_t> open_files;  ///< soft limit
    Evidence open_files_from;
};

struct MemoryFacts {
    std::optional<uint64_t> total_kib;
    std::optional<Evidence> above_4gib;  ///< RAM that a 32-bit address cannot reach
};

struct IdentityFacts {
    std::string hostname;  ///< empty: not readable
    std::string distro;
};

/// Answers that only a running host can give.
struct LiveFacts {
    std::optional<std::string> backend_error;  ///< libggml-rocket.so does not load
    std::optional<std::string> llama_error;    ///< the llama.cpp found is not one we support
};

/// What the fleet manifest given with --fleet claims about this host.
struct FleetFacts {
    std::string path;
    std::string board;
    std::vector<std::string> patches;
};

struct HostFacts {
    std::string root;
    IdentityFacts identity;
    DeviceTreeFacts dt;
    KernelFacts kernel;
    DeviceFacts devices;
    LogFacts log;
    TuningFacts tuning;
    MemoryFacts memory;
    std::optional<LiveFacts> live;
    std::optional<FleetFacts> fleet;
};

}  // namespace rosenblatt::cli::host
