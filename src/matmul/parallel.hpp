// SPDX-License-Identifier: MIT
// ParallelFor: how the engine asks its caller for threads; it owns none for host work itself.
#pragma once

#include <cstdint>
#include <functional>

namespace rosenblatt::matmul {

/// One piece of a loop: indices [begin, end). Must not throw.
using LoopBody = std::function<void(int64_t begin, int64_t end)>;

/// Runs `body` over pieces that cover [0, count) exactly once, on any threads, and returns when all
/// are done. Results never depend on how a loop was cut.
using ParallelFor = std::function<void(int64_t count, const LoopBody& body)>;

/// The default: everything on the calling thread, in one piece.
inline void run_serial(int64_t count, const LoopBody& body) {
    if (count > 0) body(0, count);
}

}  // namespace rosenblatt::matmul
