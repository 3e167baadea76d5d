// SPDX-License-Identifier: MIT
#include "rocket/device.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>

#include "drm/rocket_accel.h"

namespace rosenblatt::rocket {
namespace {

constexpr int k_scanned_nodes = 64;

// From the file itself: device groups are local, and a static program (the lab's guest) has no NSS.
std::string group_name(gid_t gid) {
    std::ifstream groups("/etc/group");
    std::string name, password, number, members;
    while (std::getline(groups, name, ':') && std::getline(groups, password, ':') &&
           std::getline(groups, number, ':') && std::getline(groups, members)) {
        if (number == std::to_string(gid)) return name;
    }
    return std::to_string(gid);
}

Error permission_error(const std::string& path, int code) {
    std::string message = path + " may not be opened by this user (" + std::strerror(code) + ")";
    struct stat node {};
    if (::stat(path.c_str(), &node) == 0) {
        const std::string group = group_name(node.st_gid);
        if ((node.st_mode & S_IRGRP) && (node.st_mode & S_IWGRP) && node.st_gid != 0)
            message += "; join its group: sudo usermod -aG " + group + " $USER, then log in again";
        else
            message += "; no group may use it (owner group " + group +
                       "): add the udev rule SUBSYSTEM==\"accel\", GROUP=\"render\", MODE=\"0660\"";
    }
    return {code, message + "."};
}

Error open_error(const std::string& path, int code) {
    switch (code) {
        case ENOENT:
            return {code, path +
                              " does not exist; is the rocket kernel module loaded and the NPU "
                              "enabled in the device tree? Try: rosenblatt audit."};
        case EACCES:
        case EPERM:
            return permission_error(path, code);
        case EBUSY:
            return {code, path + " is held exclusively by another program."};
        case ENODEV:
        case ENXIO:
            return {code, path +
                              " exists but no device is behind it; is the rocket module loaded? "
                              "Try: rosenblatt audit."};
        default:
            return {code, path + " cannot be opened: " + std::strerror(code) + "."};
    }
}

// The driver's name, or the errno of the VERSION call.
struct DriverName {
    int code = 0;
    std::string name;
};

DriverName driver_name(const DeviceFile& file) {
    std::array<char, 64> name{};
    drm_rocket_version version{};
    version.name = name.data();
    version.name_len = name.size();
    const int result = file.ioctl(DRM_IOCTL_ROCKET_VERSION, version);
    if (result < 0) return {-result, {}};
    // The kernel answers the full length, which may exceed what it was given room for.
    return {0, std::string(name.data(), std::min<size_t>(version.name_len, name.size()))};
}

}  // namespace

Result<std::shared_ptr<DeviceFile>> open_device(KernelPort& port, const std::string& path) {
    const int fd = port.open(path.c_str(), O_RDWR);
    if (fd < 0) return open_error(path, -fd);
    auto file = std::make_shared<DeviceFile>(port, fd, path);
    const DriverName driver = driver_name(*file);
    if (driver.code == ENODEV) return call_error(*file, "VERSION", driver.code);
    if (driver.code != 0)
        return Error{driver.code,
                     path + " is not a DRM device (VERSION: " + std::strerror(driver.code) +
                         "); give the path of an accel node of the rocket driver."};
    if (driver.name != "rocket")
        return Error{ENODEV, path + " belongs to the driver \"" + driver.name +
                                 "\", not to \"rocket\"; give the path of another accel node."};
    return file;
}

Result<std::string> find_device(KernelPort& port) {
    std::optional<Error> telling;
    for (int number = 0; number < k_scanned_nodes; ++number) {
        const std::string path = "/dev/accel/accel" + std::to_string(number);
        auto file = open_device(port, path);
        if (file) return path;
        // Permission is what a user can repair; a foreign driver's node is only second best to
        // name.
        const bool better = !telling || file.error().code == EACCES || file.error().code == EPERM;
        if (file.error().code != ENOENT && better) telling = file.error();
    }
    if (telling) return *telling;
    return Error{ENOENT,
                 "No NPU found: there is no /dev/accel node; is the rocket kernel module loaded "
                 "and the NPU enabled in the device tree? Try: rosenblatt audit."};
}

}  // namespace rosenblatt::rocket
