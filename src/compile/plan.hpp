// SPDX-License-Identifier: MIT
// The plan of a matmul C[M][N] = A[M][K] * W[N][K]^T: which lane runs which tile, in which order.
//
// It is made in two steps, because weights are packed once and used with many M:
//   WeightTiling  from K, N and the lanes, when the weights are packed: blocks of W, each in one
//   lane's
//                 memory as [n/32][k/32][32][32], in one run;
//   Plan          from M and a tiling, per call: the same row ranges for every block. A task is one
//                 block times one row range, so a task's weights are always a whole block.
#pragma once

#include <cstdint>
#include <vector>

#include "base/options.hpp"
#include "npu/geometry.hpp"
#include "npu/timing.hpp"

namespace rosenblatt::compile {

using npu::Layout;

/// Int4 multiplies int8 activations with int4 weights: a row of A is two rows of int4 for the NPU,
/// high and low halves of its codes, and an element of C two int16. So A and C take as many bytes
/// as with Int8, and the MAC array as many cycles; the weights take half the bytes.
enum class NumberType { Int8, F16, Int4 };

/// What the NPU is given, and gives, for each row of A.
constexpr uint32_t rows_on_npu(NumberType type, uint32_t rows) {
    return type == NumberType::Int4 ? 2 * rows : rows;
}
/// Bytes of one of these rows, k a multiple of 32.
constexpr uint64_t npu_row_bytes(NumberType type, uint64_t k) {
    return type == NumberType::F16 ? 2 * k : type == NumberType::Int8 ? k : k / 2;
}
/// Bytes of an element of A, both halves together.
constexpr uint32_t element_bytes(NumberType type) {
    return type == NumberType::F16 ? 2 : 1;
}
constexpr uint64_t weight_bytes(NumberType type, uint64_t k, uint64_t n) {
    return npu_row_bytes(type, k) * n;
}
/// Kernels the MAC array takes at once.
constexpr uint32_t kernels_per_group(NumberType type) {
    return type == NumberType::F16 ? 16 : type == NumberType::Int8 ? 32 : 64;
}

inline constexpr uint32_t k_unit = 32;         ///< K is padded to multiples of this
inline constexpr uint32_t k_output_bytes = 4;  ///< int32, fp32, or two int16

/// N is padded to multiples of this, and no block cuts it.
constexpr uint32_t column_unit(NumberType type) {
    return type == NumberType::Int4 ? 64 : 32;
}

struct MatmulShape {
    uint32_t m = 0;
    uint32_t k = 0;
    uint32_t n = 0;
};

/// What one task may be. Tests shrink it.
struct Limits {
    uint32_t cbuf_banks = npu::k_cbuf_banks;
    uint32_t bank_bytes = npu::k_cbuf_bank_bytes;
    uint32_t max_data_banks =
        npu::k_cbuf_banks - 1;  ///< for features; at least one is the weights'
    uint32_t max_m = 1020;      ///< native features in line mode: 1022 rows work (hardware.md 4.6)
    uint32_t max_k = 3072;      ///< 3072 < K < 4096 hangs with more than 4 rows
    uint32_t max_n = 4096;      ///< 8192 may wedge the next int8 job
    double max_job_ns = 100e6;  ///< the kernel kills a job after 500 ms
};

/// Columns n0.. and channels k0.. of W in one lane. k and n are sizes as packed: multiples of 32
/// and of column_unit, the part beyond K or N is zero. No block crosses a K-slice boundary.
struct WeightBlock {
    uint32_t lane = 0;
    uint32_t k0 = 0, k = 0;
    uint32_t n0 = 0, n = 0;

    uint64_t bytes(NumberType type) const { return weight_bytes(type, k, n); }
};

struct TilingRequest {
    uint32_t k = 0;
    uint32_t n = 0;
    NumberType type = NumberType::Int8;
    uint32_t lanes = 3;
    /// Ends of the pipeline's K-slices, ascending, multiples of 32, the last one K padded to 32.
    /// Empty: one slice. F16 is never cut inside a slice, because its sums are rounded.
    std::vector<uint32_t> slice_ends = {};
    Limits limits = {};
};

/// A function of the request alone (not of M, clock or board): lane by lane, in order of execution.
struct WeightTiling {
    TilingRequest request;
    std::vector<WeightBlock> blocks;

    uint64_t lane_bytes(uint32_t lane) const;
};

/// Where a plan will run, and with which layouts of A and C.
struct Conditions {
    npu::Machine machine;
    Layout layout_a = Layout::Native;
    Layout layout_c = Layout::Native;
    /// Clock that bounds the jobs' length, where the true one may be lower than hoped; 0:
    /// machine's.
    double job_clock_mhz = 0;
};

/// One task. The tile's real origin, and its size as run: k and n padded, m exact (rows of A).
struct Tile {
    uint32_t lane = 0;
    uint32_t block = 0;  ///< index into WeightTiling::blocks
    uint32_t m0 = 0, m = 0;
    uint32_t k0 = 0, k = 0;
    uint32_t n0 = 0, n = 0;
    uint32_t data_banks = 0;    ///< the features are whole in them
    uint32_t weight_banks = 0;  ///< hold at least one kernel group
    bool weight_reuse = false;  ///< the CBUF still holds this block from the task before
    bool data_reuse = false;    ///< the CBUF still holds these rows and channels of A
    Layout layout_a = Layout::Native;
    Layout layout_c = Layout::Native;
};

/// Consecutive tiles of one lane in one SUBMIT.
struct Job {
    uint32_t lane = 0;
    uint32_t first = 0;  ///< index into Plan::tiles
    uint32_t count = 0;
    double modelled_ns = 0;  ///< kicks and NPU time at the plan's clock
};

struct Rows {
    uint32_t m0 = 0, m = 0;
};

struct Plan {
    MatmulShape shape;
    NumberType type = NumberType::Int8;
    Conditions conditions;
    std::vector<Rows> row_ranges;  ///< the same for all blocks; they cover 0..M in order
    std::vector<Tile> tiles;       ///< lane by lane, in order of execution
    std::vector<Job> jobs;         ///< lane by lane; reuse never crosses a job's start
    double npu_ns = 0;             ///< fitted model, the slowest lane: kicks and NPU time alone
    double time_ns = 0;            ///< and with its submits and cache maintenance
    uint64_t dma_bytes = 0;        ///< of all lanes
    uint64_t host_bytes = 0;       ///< A written to the lanes' cubes and C read from them
};

}  // namespace rosenblatt::compile
