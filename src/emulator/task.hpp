// SPDX-License-Identifier: MIT
// What running one task came to: done, hung or a bus fault; why; and how long it would have taken.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "emulator/bus.hpp"
#include "npu/block.hpp"

namespace rosenblatt::emulator {

enum class Completion : uint8_t {
    Done,      ///< the interrupt comes when the modelled time has passed
    Hung,      ///< no interrupt ever: the kernel's watchdog will see to it
    BusFault,  ///< a DMA error bit is raised in RAW, which raises no interrupt by itself
};

enum class FaultKind : uint8_t {
    ReadUnmapped,    ///< DMA read of an IOVA that is not mapped
    WriteUnmapped,   ///< DMA write likewise
    StreamRejected,  ///< the PC cannot make sense of a word, or there is no enable word
    BlockWaits,  ///< an enabled block waits for one that is not, or for the other register group
    RdmaUnconfigured,   ///< DPU_RDMA enabled with its main reader neither disabled nor configured
    CbufOvercommitted,  ///< more than 12 banks, a row or a kernel that does not fit its banks
    GeometryMismatch,   ///< sizes of two blocks disagree: one waits for data that never comes
    WorkLimit,          ///< more work than the watchdog of any clock allows
    Unsupported,        ///< a mode nobody has described
    UnwrittenRegister,  ///< strict: a register was used that this stream did not write
    Questionable,       ///< strict: silicon may do something else here
};

std::string_view name(FaultKind kind);

struct Fault {
    FaultKind kind = FaultKind::Unsupported;
    npu::Block block = npu::Block::Pc;
    uint32_t word = 0;  ///< index in the stream: the offending word, or the enable word
    Iova iova = 0;      ///< the address, for the unmapped kinds
    std::string sentence;
};

/// What the blocks did, in the units the timing model wants.
struct TaskWork {
    uint64_t rows = 0;             ///< output positions
    uint64_t tiles = 0;            ///< weight tiles of one kernel group
    uint64_t groups = 0;           ///< kernel groups
    uint64_t weight_bytes = 0;     ///< fetched, not reused
    uint64_t weight_capacity = 0;  ///< bytes of the weights' CBUF banks
    uint64_t feature_bytes = 0;    ///< fetched, not reused
    uint64_t operand_bytes = 0;    ///< bias and elementwise operands
    uint64_t output_bytes = 0;
    uint64_t words = 0;               ///< of the stream
    uint64_t feature_run = 0;         ///< bytes of features side by side in memory
    bool row_major_features = false;  ///< walked line by line
    bool row_major_output = false;    ///< written atom by atom

    uint64_t mac_cycles() const { return rows * tiles * groups; }
    uint64_t dma_bytes() const {
        return weight_bytes + feature_bytes + operand_bytes + output_bytes + words * 8;
    }
};

struct TaskOutcome {
    Completion completion = Completion::Done;
    std::optional<Fault> fault;  ///< set unless Done
    TaskWork work;               ///< of the (last) stream
    uint64_t mac_cycles = 0;     ///< of all streams of the kick
    uint64_t dma_bytes = 0;
    double modelled_ns = 0;  ///< of all streams, by npu/timing
};

}  // namespace rosenblatt::emulator
