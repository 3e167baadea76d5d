// SPDX-License-Identifier: MIT
// What a board's device tree lacks for the NPU, as a list of edits, and the overlay that makes
// them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace rosenblatt::cli {

/// A device tree blob, checked by libfdt when read.
using Blob = std::vector<char>;

/// A regulator the NPU is fed from. Boards number only nodes that something refers to already.
struct Rail {
    std::string path;
    uint32_t phandle = 0;  ///< 0: the node has none, the overlay gives it one
};

/// One property to set: status = "okay", or a reference to a rail.
struct Edit {
    std::string node;
    std::string property;
    int rail = -1;  ///< index into the plan's rails; -1: the string "okay"
};

struct OverlayPlan {
    std::vector<Rail> rails;
    std::vector<Edit> edits;  ///< edits of one node stand together
};

/// Reads what has to change. Refuses a board that is no RK3588, has no NPU nodes for rocket, or
/// whose NPU rail cannot be told: switching the NPU on without its rail hangs the machine.
Result<OverlayPlan> plan_overlay(const Blob& base, const std::string& regulator_path);

/// The plan as an overlay blob. References use a rail's existing number as it is: an overlay that
/// renumbers a node leaves every other reference to it dangling.
Result<Blob> write_overlay(const OverlayPlan& plan);

/// Applies the overlay to a copy and reads the result: all six nodes on, every supply leading to a
/// rail, no number used twice or changed. An error says what would break.
Result<void> prove_overlay(const Blob& base, const Blob& overlay, const OverlayPlan& plan);

}  // namespace rosenblatt::cli
