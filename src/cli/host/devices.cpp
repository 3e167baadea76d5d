// SPDX-License-Identifier: MIT
// Reads which NPU cores the driver has bound and which accel nodes there are.
#include "cli/host/probes.hpp"

namespace rosenblatt::cli::host {
namespace {

constexpr const char* k_drivers = "sys/bus/platform/drivers";
constexpr const char* k_devices = "sys/bus/platform/devices";

/// Why the driver core has not bound the device, as far as sysfs and debugfs say.
std::string reason_unbound(const HostRoot& root, const std::string& device) {
    const std::string supplier = std::string(k_devices) + "/" + device + "/waiting_for_supplier";
    if (root.read_word(supplier) == "1") return "not bound, waiting_for_supplier is 1";
    const std::string deferred = root.read("sys/kernel/debug/devices_deferred").value_or("");
    for (const std::string_view line : lines_of(deferred)) {
        if (line.starts_with(device)) return "not bound, deferred: " + std::string(line);
    }
    return "not bound";
}

CoreBinding read_binding(const HostRoot& root, const char* address) {
    const std::string device = std::string(address) + ".npu";
    const std::string by_driver = std::string(k_drivers) + "/rocket/" + device;
    if (root.exists(by_driver)) return {true, {by_driver, 0, "bound"}};
    const std::string by_device = std::string(k_devices) + "/" + device + "/driver";
    if (const auto driver = root.link_name(by_device)) {
        return {*driver == "rocket", {by_device, 0, "driver " + *driver}};
    }
    const bool readable = root.is_directory(std::string(k_drivers) + "/rocket") ||
                          root.is_directory(std::string(k_devices) + "/" + device);
    if (!readable) return {std::nullopt, {by_driver, 0, "not there"}};
    return {false, {by_driver, 0, reason_unbound(root, device)}};
}

Owner owner_of(std::string_view driver) {
    return driver == "rocket" ? Owner::Rocket : Owner::Foreign;
}

/// Whose node it is: asked from the driver where possible, else from sysfs. rocket's DRM device
/// hangs on a platform device called "rknn" that has no driver of its own.
void read_owner(const HostRoot& root, const DeviceNodes& nodes, const std::string& name,
                AccelNode& node) {
    if (const auto driver = nodes.driver_name(node.path)) {
        node.owner = owner_of(*driver);
        node.from = {node.path, 0, "VERSION ioctl says " + *driver};
        return;
    }
    const std::string sysfs = "sys/class/accel/" + name;
    const std::string text = root.link_text(sysfs).value_or("");
    const std::string device = root.link_name(sysfs + "/device").value_or("");
    if (text.find("/rknn/") != std::string::npos || device == "rknn" || device == "rocket") {
        node.owner = Owner::Rocket;
        node.from = {sysfs, 0, "device rknn"};
        return;
    }
    if (text.find("/accel/accel") !=
        std::string::npos) {  // .../DEVICE/accel/accelN, and not rknn's
        node.owner = Owner::Foreign;
        node.from = {sysfs, 0, text};
    }
    if (const auto driver = root.link_name(sysfs + "/device/driver")) {
        node.owner = owner_of(*driver);
        node.from = {sysfs + "/device/driver", 0, *driver};
        return;
    }
    const std::string uevent = sysfs + "/device/uevent";
    size_t number = 0;
    const std::string text_of_uevent = root.read(uevent).value_or("");
    for (const std::string_view line : lines_of(text_of_uevent)) {
        ++number;
        if (line.starts_with("DRIVER=")) {
            node.owner = owner_of(line.substr(7));
        } else if (line.starts_with("MODALIAS=")) {
            node.owner = line == "MODALIAS=platform:rknn" ? Owner::Rocket : Owner::Foreign;
        } else {
            continue;
        }
        node.from = {uevent, number, std::string(line)};
        if (line.starts_with("DRIVER=")) return;
    }
    if (node.owner == Owner::Unknown && !device.empty()) {
        node.owner = Owner::Foreign;
        node.from = {sysfs + "/device", 0, device};
    }
}

}  // namespace

DeviceFacts probe_devices(const HostRoot& root, const DeviceNodes& nodes) {
    DeviceFacts devices;
    for (size_t i = 0; i < k_cores; ++i) {
        devices.cores[i] = read_binding(root, k_core_addresses[i]);
    }
    for (const std::string& name : root.list("dev/accel")) {
        AccelNode node;
        node.path = "dev/accel/" + name;
        if (!name.starts_with("accel") || !nodes.present(node.path)) continue;
        read_owner(root, nodes, name, node);
        if (node.owner != Owner::Foreign) node.access_error = nodes.access_error(node.path);
        devices.accel_nodes.push_back(std::move(node));
    }
    return devices;
}

}  // namespace rosenblatt::cli::host
