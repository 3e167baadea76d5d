// SPDX-License-Identifier: MIT
// KernelVersion: what `uname -r` says, e.g. "7.0.0-rc3-ARCH+" or "7.3.4+deb13-arm64".
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace rosenblatt::cli::host {

/// Only the release counts in comparisons: a release candidate already has what its merge window
/// brought (rocket itself came with 6.18-rc1), so 6.18.0-rc6 is as good as 6.18.
struct KernelVersion {
    unsigned major = 0;
    unsigned minor = 0;

    auto operator<=>(const KernelVersion&) const = default;
    std::string print() const { return std::to_string(major) + "." + std::to_string(minor); }
};

/// Nothing when the text does not begin with two numbers.
std::optional<KernelVersion> parse_kernel_version(std::string_view release);

inline constexpr KernelVersion k_first_with_rocket{6, 18};
inline constexpr KernelVersion k_prep_bo_sign_fixed{7, 1};
inline constexpr KernelVersion k_submit_bugs_fixed{7, 2};
inline constexpr KernelVersion k_per_device_iommu_ops{7, 3};
/// Last release whose source was read; what later ones repaired is not known here.
inline constexpr KernelVersion k_last_read{7, 3};

}  // namespace rosenblatt::cli::host
