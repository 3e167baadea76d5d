// SPDX-License-Identifier: MIT
// Where a random test begins, other than the last time.
#pragma once

#include <cstdint>
#include <random>

namespace rosenblatt {

/// For a random test, which prints it.
inline uint64_t fresh_seed() {
    return std::random_device{}();
}

}  // namespace rosenblatt
