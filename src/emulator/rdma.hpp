// SPDX-License-Identifier: MIT
// DPU_RDMA: what the DPU takes from memory: main data in flying mode (MRDMA), per-channel operands
// (BRDMA for BS, NRDMA for BN), elementwise operands (ERDMA).
#pragma once

#include <cstdint>
#include <vector>

#include "emulator/core_state.hpp"
#include "emulator/sum_tile.hpp"

namespace rosenblatt::emulator {

/// Per-channel operands of one stage, as raw bits; empty where the RDMA was not asked for them.
struct ChannelOperands {
    std::vector<uint32_t> alu;  ///< 32 bits each
    std::vector<uint16_t> mul;
    std::vector<uint16_t> cpend;
};

/// One reader's way through a native cube; strides in atoms.
struct CubeWalk {
    uint32_t address = 0;
    uint64_t line_pitch = 1;
    uint64_t surface_pitch = 1;
};

/// What one reader's element is taken for.
enum class OperandFormat : uint8_t {
    Int4,
    Int8,
    Int16,
    Int32,
    Int16In32,
    Fp16,
    Bf16,
    Fp32,
    Fp16In32
};

struct RdmaTask {
    bool enabled = false;
    bool flying = false;       ///< the DPU's main data come from MRDMA
    bool main = false;         ///< MRDMA works
    bool elementwise = false;  ///< ERDMA works
    bool combined = false;     ///< MRDMA and ERDMA take turns, surface by surface, for one operand
    uint32_t width = 0, height = 0, channels = 0;
    npu::DpuPrecision in = npu::DpuPrecision::Int8;
    npu::OperandMode mode = npu::OperandMode::PerPixel;
    npu::OperandSize size = npu::OperandSize::Bits8;
    CubeWalk main_walk, ew_walk;
    ChannelOperands bs, bn;
};

/// `registers` null: the block is not enabled. Reads the per-channel operands.
Check decode_rdma(const RegisterFile* registers, const TaskContext& context, RdmaTask& task);

/// Reads tiles of a cube.
class CubeReader {
  public:
    CubeReader(const RdmaTask& task, const TaskContext& context) : task_(task), context_(context) {}

    /// The flying main data: values or reals of the tile, by task.in.
    Check read_main(SumTile& tile);
    /// The elementwise operand of each value of the tile; `ints` or `reals` by the format.
    Check read_operands(const SumTile& tile, OperandFormat format, std::vector<int32_t>& ints,
                        std::vector<float>& reals);

  private:
    struct Surface {
        uint32_t first, count;  ///< channels of the tile that lie in it
        CubeWalk walk;
        uint64_t index;  ///< surface number along the walk
    };
    template <typename Take>
    Check each_atom(const SumTile& tile, const Surface& surface, const Take& take);
    Check read_vector(const SumTile& tile, OperandFormat format, std::vector<int32_t>& ints,
                      std::vector<float>& reals);

    const RdmaTask& task_;
    const TaskContext& context_;
    std::vector<std::byte> line_;
};

}  // namespace rosenblatt::emulator
