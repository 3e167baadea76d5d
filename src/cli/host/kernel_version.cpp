// SPDX-License-Identifier: MIT
// Parses kernel release strings.
#include "cli/host/kernel_version.hpp"

#include <charconv>

namespace rosenblatt::cli::host {

std::optional<KernelVersion> parse_kernel_version(std::string_view release) {
    KernelVersion version;
    const char* end = release.data() + release.size();
    const auto [dot, first] = std::from_chars(release.data(), end, version.major);
    if (first != std::errc{} || dot == end || *dot != '.') return std::nullopt;
    const auto [rest, second] = std::from_chars(dot + 1, end, version.minor);
    if (second != std::errc{}) return std::nullopt;
    return version;
}

}  // namespace rosenblatt::cli::host
