// SPDX-License-Identifier: MIT
// How rows enter and leave a product: X is read row by row through a function, which may compute it
// on the way (RMS_NORM * w), and Y leaves in pieces, which a function may take instead of
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

/// Columns [n0, n0 + n) of rows [m0, m0 + rows) of Y. Pieces are the engine's choice, but n0 is a
/// multiple of 32, and n too unless the piece ends where Y does.
struct Piece {
    int64_t m0 = 0, rows = 0;
    int64_t n0 = 0, n = 0;
    float* y = nullptr;       ///< row after row; may be written to
    float* second = nullptr;  ///< the same of Output::second, or null
    int64_t stride = 0;       ///< floats from a row to the next, of both

    float* y_row(int64_t i) const { return y + i * stride; }
    float* second_row(int64_t i) const { return second + i * stride; }
};

/// Takes a piece of Y. Called from several threads, only when every row of X was found in range,
/// once for each element, and again with other values where these turned out to be a fault's: what
/// it writes must depend on nothing that it wrote before. Must not throw.
using WritePiece = std::function<void(const Piece& piece)>;

/// Makes columns [n0, n0 + n) of rows of another product's X from a piece of this one's results: row
/// i of the piece goes to `to` + i * `stride`. Otherwise as WritePiece.
using MakePiece = std::function<void(const Piece& piece, float* to, int64_t stride)>;

/// X of a call.
struct Input {
    int64_t rows = 0;
    ReadRow read;
    /// Called when rows [m, m + count) have all been read. False: some were a fault's and are mended
    /// now; they must be read again. Empty where rows are what they are.
    std::function<bool(int64_t m, int64_t count)> confirm = {};
    bool from_results = false;  ///< of another product: no memory is read for them
};

/// One product with the X of the call. All outputs of one call share K and pipeline; X is quantised
/// once for all of them (q, k, v or gate, up).
struct Output {
    const Weights* weights = nullptr;
    OutputRows rows = {};             ///< where Y goes; as many as X has. Empty where `write` is set
    WritePiece write = {};            ///< takes Y instead
    const Weights* second = nullptr;  ///< with `write`: of the same shape, for gate beside up
};

/// What stands between two products that are computed back to back, X * W and then
/// make(X * W) * V: a few rows of it at a time, in a cache, and never all of it in memory.
struct Middle {
    const Weights* weights = nullptr;
    const Weights* second = nullptr;  ///< as of Output; null: none
    MakePiece make;
    /// Made of its rows before they are quantised (without their outliers, say); empty: nothing.
    std::function<Input(Input rows)> read_as = {};
};

}  // namespace rosenblatt::matmul
