// SPDX-License-Identifier: MIT
// How rows enter and leave a product: X is read row by row through a function, which may compute it
// on the way (RMS_NORM * w), and Y leaves in pieces of rows, which a function may take instead of
// memory (+ bias, SwiGLU, + residual). So neither needs a pass of its own over memory.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

namespace rosenblatt::matmul {

class Weights;

/// Rows given one by one, so that batches, gathered rows of an expert and strided views are all the
/// same thing. rows[m] points to K (input) or N (output) consecutive floats.
using InputRows = std::span<const float* const>;
using OutputRows = std::span<float* const>;

/// Gives row m of X as K floats: a pointer to where they stand, or `scratch` (room for K floats)
/// after filling it. Called from several threads, in any order, and again where a fault is
/// repaired: it must give the same floats each time, so X must not overlap what the call writes.
using ReadRow = std::function<const float*(int64_t m, float* scratch)>;

/// Takes columns [n0, n0 + n) of row m, final and proved. `y` holds n floats and may be written to;
/// `second` holds those of Output::second, or is null. Called from several threads, exactly once
/// for each element and only when every row of X was found in range; the pieces are the engine's
/// choice. Must not throw.
using WriteRow =
    std::function<void(int64_t m, int64_t n0, int64_t n, float* y, const float* second)>;

/// X of a call.
struct Input {
    int64_t rows = 0;
    ReadRow read;
};

/// One product with the X of the call. All outputs of one call share K and pipeline; X is quantised
/// once for all of them (q, k, v or gate, up).
struct Output {
    const Weights* weights = nullptr;
    OutputRows rows = {};             ///< where Y goes; as many as X has. Empty where `write` is set
    WriteRow write = {};              ///< takes Y instead
    const Weights* second = nullptr;  ///< with `write`: of the same shape, for gate beside up
};

}  // namespace rosenblatt::matmul
