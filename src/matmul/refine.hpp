// SPDX-License-Identifier: MIT
// multiply_refined: activations of nearly 16 bits for a few rows. While few rows meet a weight the
// MAC array waits for the weight anyway, so a second row costs no NPU time: it carries the first
// one's rounding error.
#pragma once

#include <cstdint>
#include <span>

#include "matmul/multiply.hpp"

namespace rosenblatt::matmul {

/// Up to here twice the rows still take a weight tile's own time at any clock the NPU has
/// (18 rows at 200 MHz, 54 at 600).
inline constexpr int64_t k_refined_rows = 8;

/// As multiply(), on 2 * x.rows rows. Int pipelines only.
Result<Outcome> multiply_refined(Device& device, const Input& x, std::span<const Output> outputs,
                                 const ParallelFor& parallel_for = run_serial);
Result<Outcome> multiply_refined(Device& device, InputRows x, std::span<const Output> outputs,
                                 const ParallelFor& parallel_for = run_serial);

}  // namespace rosenblatt::matmul
