// SPDX-License-Identifier: MIT
// matmul::multiply: Y[m][n] = sum over k of X[m][k] * W[n][k] for one X and one or more W.
#pragma once

#include <span>

#include "base/result.hpp"
#include "matmul/device.hpp"
#include "matmul/parallel.hpp"
#include "matmul/rows.hpp"
#include "matmul/weights.hpp"

namespace rosenblatt::matmul {

enum class Outcome {
    Done,        ///< every output is complete and proved
    OutOfRange,  ///< X holds NaN, Inf or a row beyond scaling: nothing was written, compute it
                 ///< on the CPU, whose treatment of such values is the right one
};

/// Bit-equal whatever the lanes, plans, threads and faults: what the NPU does not deliver is
/// computed by matmul/reference from the same int8 or fp16 operands. An error means misuse (shapes that do
/// not fit together) or no host memory, and that no output was touched.
Result<Outcome> multiply(Device& device, const Input& x, std::span<const Output> outputs,
                         const ParallelFor& parallel_for = run_serial);

/// Whether these can be computed back to back for so many rows: integer pipelines of one device, and
/// all rows in one panel.
bool fits_back_to_back(const Middle& middle, std::span<const Output> outputs, int64_t rows);

/// Two products one after the other, as by multiply() with what `middle` makes in between, to the
/// bit. They must fit back to back. OutOfRange: X or a row of the middle; nothing was written.
/// Outputs may overlap X, but nothing that `make` reads.
Result<Outcome> multiply_back_to_back(Device& device, const Input& x, const Middle& middle,
                                      std::span<const Output> outputs,
                                      const ParallelFor& parallel_for = run_serial);

/// The same for rows that stand in memory.
Result<Outcome> multiply(Device& device, InputRows x, std::span<const Output> outputs,
                         const ParallelFor& parallel_for = run_serial);

/// rows[m] as an Input; the span must outlive it.
Input input_of(InputRows rows);

/// The same for one product of densely stored matrices: X[M][K], Y[M][N], strides in floats.
Result<Outcome> multiply(Device& device, const Weights& weights, const float* x, int64_t x_stride,
                         int64_t m, float* y, int64_t y_stride,
                         const ParallelFor& parallel_for = run_serial);

}  // namespace rosenblatt::matmul
