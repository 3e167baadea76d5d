// SPDX-License-Identifier: MIT
// `rosenblatt overlay`: the device tree overlay that switches on one board's NPU.
#pragma once

#include <iosfwd>
#include <string>

namespace rosenblatt::cli {

struct OverlayOptions {
    std::string dtb;     ///< --dtb: the board's device tree blob, or /sys/firmware/fdt
    std::string output;  ///< -o: the overlay to write
    std::string
        regulator;  ///< --regulator: path of the NPU rail's node, where its name does not tell
};

/// What was changed on `out`. Refuses (1) whatever could not work: see plan_overlay().
int run_overlay(const OverlayOptions& options, std::ostream& out, std::ostream& err);

}  // namespace rosenblatt::cli
