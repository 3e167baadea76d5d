// SPDX-License-Identifier: MIT
#include "rocket/device_file.hpp"

#include <cerrno>
#include <cstring>

namespace rosenblatt::rocket {
namespace {

const char* advice(int code) {
    switch (code) {
        case ENODEV:
            return "the device is gone (was the rocket module unloaded?)";
        case ENOSPC:
            return "the 4 GiB of NPU addresses of this lane are used up; free buffers first";
        case ENOMEM:
            return "no memory for it; free memory or use smaller buffers";
        case ETIMEDOUT:
            return "the job that writes the buffer had not ended by the deadline";
        case EBUSY:
            return "the job that writes the buffer is still running";
        case ENOENT:
            return "the buffer handle does not belong to this file";
        default:
            return nullptr;
    }
}

}  // namespace

Error call_error(const DeviceFile& file, const std::string& what, int code) {
    const int number = code < 0 ? -code : code;
    std::string message = what + " failed on " + file.path() + ": " + std::strerror(number);
    if (const char* hint = advice(number)) message += std::string("; ") + hint;
    return {number, message + "."};
}

}  // namespace rosenblatt::rocket
