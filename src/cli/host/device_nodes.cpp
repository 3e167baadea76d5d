// SPDX-License-Identifier: MIT
// Device nodes of the running host, and plain files in their place.
#include "cli/host/device_nodes.hpp"

#include <drm/rocket_accel.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/unique_fd.hpp"

namespace rosenblatt::cli::host {
namespace {

class LiveNodes final : public DeviceNodes {
  public:
    explicit LiveNodes(const HostRoot& root) : root_(root) {}

    bool present(std::string_view path) const override {
        struct stat info {};
        return ::stat(root_.locate(path, true).c_str(), &info) == 0 && S_ISCHR(info.st_mode);
    }

    std::optional<std::string> driver_name(std::string_view path) const override {
        const UniqueFd fd = open(path);
        if (!fd.valid()) return std::nullopt;
        char name[64] = {};
        drm_rocket_version version{};
        version.name = name;
        version.name_len = sizeof name - 1;
        if (::ioctl(fd.get(), DRM_IOCTL_ROCKET_VERSION, &version) != 0) return std::nullopt;
        return std::string(name);
    }

    std::optional<std::string> access_error(std::string_view path) const override {
        if (open(path).valid()) return std::nullopt;
        const int code = errno;
        struct stat info {};
        char owner[64] = "";
        if (::stat(root_.locate(path, true).c_str(), &info) == 0) {
            std::snprintf(owner, sizeof owner, " (uid %u, gid %u, mode %04o)", info.st_uid,
                          info.st_gid, info.st_mode & 07777u);
        }
        return std::strerror(code) + std::string(owner);
    }

    std::optional<std::string> kernel_log() const override {
        const UniqueFd fd(::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        if (!fd.valid()) return std::nullopt;
        std::string log;
        char record[8192];
        for (;;) {  // one record per read; EPIPE: older records were overwritten meanwhile
            const ssize_t got = ::read(fd.get(), record, sizeof record);
            if (got < 0 && errno == EPIPE) continue;
            if (got <= 0) break;
            log.append(record, static_cast<size_t>(got));
        }
        return log;
    }

  private:
    UniqueFd open(std::string_view path) const {
        return UniqueFd(::open(root_.locate(path, true).c_str(), O_RDWR | O_CLOEXEC));
    }

    HostRoot root_;
};

class FilesAsNodes final : public DeviceNodes {
  public:
    explicit FilesAsNodes(const HostRoot& root) : root_(root) {}

    bool present(std::string_view path) const override { return root_.exists(path); }
    /// Such a file may hold the one word that VERSION would answer.
    std::optional<std::string> driver_name(std::string_view path) const override {
        const std::string word = root_.read_word(path).value_or("");
        const bool is_name =
            !word.empty() && word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_-") == word.npos;
        return is_name ? std::optional(word) : std::nullopt;
    }
    std::optional<std::string> access_error(std::string_view) const override { return {}; }
    std::optional<std::string> kernel_log() const override { return {}; }

  private:
    HostRoot root_;
};

}  // namespace

std::unique_ptr<DeviceNodes> device_nodes(const HostRoot& root) {
    if (root.live()) return std::make_unique<LiveNodes>(root);
    return std::make_unique<FilesAsNodes>(root);
}

}  // namespace rosenblatt::cli::host
