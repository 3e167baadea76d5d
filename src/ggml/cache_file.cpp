// SPDX-License-Identifier: MIT
#include "ggml/cache_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "base/unique_fd.hpp"

namespace rosenblatt::ggml {
namespace {

namespace fs = std::filesystem;

Error cannot_write(const std::string& path, int error) {
    return {error, path + " cannot be written: " + std::strerror(error) + "."};
}

bool write_all(int fd, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t written = write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes = bytes.subspan(static_cast<size_t>(written));
    }
    return true;
}

}  // namespace

Result<void> write_whole(const std::string& path,
                         std::span<const std::span<const std::byte>> pieces) {
    std::error_code failed;
    fs::create_directories(fs::path(path).parent_path(), failed);
    if (failed) return cannot_write(path, failed.value());
    std::string draft = path + ".XXXXXX";
    const UniqueFd file(mkostemp(draft.data(), O_CLOEXEC));
    if (!file.valid()) return cannot_write(path, errno);
    for (const auto& piece : pieces)
        if (!write_all(file.get(), piece)) {
            const int error = errno;
            unlink(draft.c_str());
            return cannot_write(path, error);
        }
    if (rename(draft.c_str(), path.c_str()) == 0) return {};
    const int error = errno;
    unlink(draft.c_str());
    return cannot_write(path, error);
}

}  // namespace rosenblatt::ggml
