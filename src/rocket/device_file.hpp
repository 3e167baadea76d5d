// SPDX-License-Identifier: MIT
// DeviceFile: owner of one open device file of a KernelPort. Lane and its BOs share it, so that a
// BO that outlives its lane still closes its handle in the right file.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/kernel_port.hpp"
#include "base/result.hpp"

namespace rosenblatt::rocket {

class DeviceFile {
  public:
    DeviceFile(KernelPort& port, int fd, std::string path)
        : port_(port), fd_(fd), path_(std::move(path)) {}
    DeviceFile(const DeviceFile&) = delete;
    DeviceFile& operator=(const DeviceFile&) = delete;
    ~DeviceFile() { port_.close(fd_); }

    template <typename Argument>
    int ioctl(unsigned long request, Argument& argument) const {
        return port_.ioctl(fd_, request, &argument);
    }

    KernelPort& port() const { return port_; }
    int fd() const { return fd_; }
    const std::string& path() const { return path_; }

  private:
    KernelPort& port_;
    int fd_;
    std::string path_;
};

/// An Error for `-errno` result `code` of the call named `what` on `file`, with advice where we
/// have any.
Error call_error(const DeviceFile& file, const std::string& what, int code);

}  // namespace rosenblatt::rocket
