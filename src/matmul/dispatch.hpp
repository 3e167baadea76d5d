// SPDX-License-Identifier: MIT
// NPU or CPU for one matmul: the rules that the backend and `rosenblatt coverage` share.
#pragma once

#include <cstdint>

#include "matmul/refine.hpp"

namespace rosenblatt::matmul {

/// Bytes per ns of the host's pack and unpack passes; a first figure, between one A76 core's copy
/// rate and four cores'.
inline constexpr double k_host_bytes_per_ns = 5;
/// The board's CPU, four A76 with ggml's kernels: what published prefill (60 to 100 tokens/s) and
/// decode (16 to 19) of Qwen2.5-1.5B Q4_K_M come to.
inline constexpr double k_board_cpu_macs_per_ns = 100;
inline constexpr double k_board_cpu_bytes_per_ns = 16;
/// What the NPU must be faster by to get few rows. All models of decoding stand on memory bandwidth
/// that both sides share, so a small promise is within their error and a wrong one costs every
/// token.
inline constexpr double k_few_rows_factor = 2;

/// Rows that the NPU multiplies for `m` rows of X.
inline int64_t npu_rows(int64_t m) { return m <= k_refined_rows ? 2 * m : m; }

/// X (m x k) is read as floats and written as int8 into each lane's cube; Y (m x n) is read as
/// int32 and written.
inline double host_ns(double m, double k, double n, unsigned lanes) {
    return (m * k * (4.0 + lanes) + m * n * 8.0) / k_host_bytes_per_ns;
}

/// What the NPU saves on `m` rows, with its margin for few; negative: the CPU shall do them.
inline double gain_ns(int64_t m, double cpu_ns, double npu_ns) {
    return cpu_ns - (m <= k_refined_rows ? k_few_rows_factor : 1) * npu_ns;
}

}  // namespace rosenblatt::matmul
