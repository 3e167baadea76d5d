// SPDX-License-Identifier: MIT
#include "ggml/output_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "base/unique_fd.hpp"

namespace rosenblatt::ggml {
namespace {

/// 0, or the errno. Written in place: the file may be a pipe or a device.
int write_text(const std::string& path, std::string_view text) {
    const UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (!file.valid()) return errno;
    while (!text.empty()) {
        const ssize_t written = write(file.get(), text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return written < 0 ? errno : EIO;
        text.remove_prefix(static_cast<size_t>(written));
    }
    return 0;
}

}  // namespace

std::string with_pid(const std::string& pattern) {
    std::string path = pattern;
    const std::string pid = std::to_string(getpid());
    for (size_t at = path.find("%p"); at != std::string::npos;
         at = path.find("%p", at + pid.size()))
        path.replace(at, 2, pid);
    return path;
}

void write_output(const std::string& pattern, const char* variable,
                  const std::function<std::string()>& text) {
    if (pattern.empty()) return;
    const std::string path = with_pid(pattern);
    if (const int error = write_text(path, text()); error != 0)
        std::fprintf(stderr, "rocket: %s: %s cannot be written: %s.\n", variable, path.c_str(),
                     std::strerror(error));
}

}  // namespace rosenblatt::ggml
