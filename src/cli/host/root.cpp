// SPDX-License-Identifier: MIT
// Reads a host's files below a root directory, links resolved as if the root were "/".
#include "cli/host/root.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <deque>

#include "base/unique_fd.hpp"

namespace rosenblatt::cli::host {
namespace fs = std::filesystem;
namespace {

constexpr size_t k_max_file_bytes = size_t{64} << 20;  // kernel logs can be long, nothing else is
constexpr int k_max_links = 40;                        // the kernel's own limit

void push_components(std::deque<std::string>& todo, const fs::path& path) {
    std::deque<std::string> parts;
    for (const auto& part : path.relative_path()) {
        if (!part.empty() && part != ".") parts.push_back(part.string());
    }
    todo.insert(todo.begin(), parts.begin(), parts.end());
}

}  // namespace

std::string Evidence::print() const {
    std::string out = path;
    if (line > 0) out += ":" + std::to_string(line);
    if (!text.empty()) out += ": " + text;
    return out;
}

HostRoot::HostRoot(fs::path root) : root_(std::move(root)) {
    std::error_code ignored;
    const fs::path real = fs::canonical(root_, ignored);
    live_ = real == "/";
}

fs::path HostRoot::locate(std::string_view path, bool follow_last) const {
    std::deque<std::string> todo;
    push_components(todo, fs::path(path));
    fs::path below;  // relative to the root, no links in it
    int links = 0;
    while (!todo.empty()) {
        const std::string part = todo.front();
        todo.pop_front();
        if (part == "..") {
            below = below.parent_path();
            continue;
        }
        std::error_code error;
        const fs::path next = below / part;
        const bool follow = follow_last || !todo.empty();
        if (follow && fs::is_symlink(root_ / next, error) && ++links <= k_max_links) {
            const fs::path target = fs::read_symlink(root_ / next, error);
            if (target.is_absolute()) below.clear();
            push_components(todo, target);
            continue;
        }
        below = next;
    }
    return root_ / below;
}

std::optional<std::string> HostRoot::read(std::string_view path) const {
    const fs::path file = locate(path, true);
    struct stat info {};
    if (::stat(file.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
    const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd.valid()) return std::nullopt;
    std::string text;
    char block[65536];
    while (text.size() < k_max_file_bytes) {
        const ssize_t got = ::read(fd.get(), block, sizeof block);
        if (got < 0) return std::nullopt;
        if (got == 0) break;
        text.append(block, static_cast<size_t>(got));
    }
    return text;
}

std::optional<std::string> HostRoot::read_word(std::string_view path) const {
    auto text = read(path);
    if (!text) return std::nullopt;
    const size_t end = text->find_last_not_of(std::string_view("\0 \t\r\n", 5));
    text->resize(end == std::string::npos ? 0 : end + 1);
    return text;
}

bool HostRoot::exists(std::string_view path) const {
    std::error_code error;
    return fs::exists(fs::symlink_status(locate(path, false), error));
}

bool HostRoot::is_directory(std::string_view path) const {
    std::error_code error;
    return fs::is_directory(locate(path, true), error);
}

std::vector<std::string> HostRoot::list(std::string_view path) const {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator it(locate(path, true), error), end; !error && it != end;
         it.increment(error)) {
        names.push_back(it->path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::vector<std::string> HostRoot::find(std::string_view below, std::string_view name) const {
    std::vector<std::string> found;
    const fs::path start = locate(below, true);
    std::error_code error;
    const auto options = fs::directory_options::skip_permission_denied;
    for (fs::recursive_directory_iterator it(start, options, error), end; !error && it != end;
         it.increment(error)) {
        if (it->path().filename() != name) continue;
        found.push_back((fs::path(below) / it->path().lexically_relative(start)).string());
    }
    std::sort(found.begin(), found.end());
    return found;
}

std::optional<std::string> HostRoot::link_text(std::string_view path) const {
    std::error_code error;
    const fs::path file = locate(path, false);
    if (fs::is_symlink(file, error)) return fs::read_symlink(file, error).string();
    auto text = read_word(path);
    if (!text || text->empty()) return std::nullopt;
    return text;
}

std::optional<std::string> HostRoot::link_name(std::string_view path) const {
    const auto text = link_text(path);
    if (!text) return std::nullopt;
    return fs::path(*text).filename().string();
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        lines.push_back(line);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

}  // namespace rosenblatt::cli::host
