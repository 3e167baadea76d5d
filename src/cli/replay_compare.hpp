// SPDX-License-Identifier: MIT
// What a replay's output is compared with, and how.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/replay_manifest.hpp"
#include "cli/replay_memory.hpp"

namespace rosenblatt::cli {

enum class ReplayLayout : uint8_t {
    Raw,     ///< the first bytes of the BO
    NhwcU8,  ///< uint8 codes in NHWC order; the BO holds [ceil(C/16)][H][W][16] int8, code - 128
};

/// The command line's wishes; whatever is missing comes from the folder.
struct ExpectationOptions {
    std::string expect;
    std::string layout;
    std::string shape;
    std::optional<unsigned> tolerance;
};

/// Expected bytes of one BO.
struct Expectation {
    std::string file;
    uint32_t handle = 0;
    ReplayLayout layout = ReplayLayout::Raw;
    std::array<uint32_t, 3> shape{};  ///< H, W, C of NhwcU8
    unsigned tolerance = 0;
    std::string bytes;
};

/// None when the folder has nothing to compare with. An error: the options make no sense.
Result<std::vector<Expectation>> find_expectations(const std::string& folder,
                                                   const ReplayManifest& manifest,
                                                   const ExpectationOptions& options);

struct Comparison {
    size_t compared = 0;
    size_t exact = 0;
    unsigned worst = 0;                   ///< largest difference
    size_t worst_at = 0;                  ///< where, in the expectation's order
    std::optional<std::string> mismatch;  ///< sizes that do not fit: nothing was compared
    bool equal = false;                   ///< all within the tolerance
};

Comparison compare(const Expectation& expectation, const ReplayManifest& manifest,
                   const ReplayMemory& memory);

}  // namespace rosenblatt::cli
