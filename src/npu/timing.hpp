// SPDX-License-Identifier: MIT
// How long the NPU works on a task: one physical model for planner and emulator (docs/timing.md).
#pragma once

#include <cstdint>

#include "base/options.hpp"

namespace rosenblatt::npu {

/// The clock of the cores and the DRAM behind them. `lanes` is how many cores move data at once:
/// they share the DRAM.
struct Machine {
    double clock_mhz = 600;
    Board board = Board::Lpddr5;
    unsigned lanes = 3;
};

enum class Layout { Native, RowMajor };

/// What one task asks of its core, whatever its element type: a tile of weights is always 1 KiB,
/// and the MAC array works one cycle on one tile for one row.
struct TaskWork {
    uint64_t rows = 0;    ///< output positions: M of a matmul, width * height of a convolution
    uint64_t tiles = 0;   ///< weight tiles of one kernel group: ceil(K / 32) * kernel window
    uint64_t groups = 0;  ///< kernel groups: ceil(N / 32) for int8, / 16 for fp16, / 64 for int4
    uint64_t weight_bytes = 0;     ///< read from DRAM; 0 where the CBUF still holds them
    uint64_t weight_capacity = 0;  ///< bytes of the weights' CBUF banks
    uint64_t feature_bytes = 0;    ///< read from DRAM; 0 where the CBUF still holds them
    uint64_t output_bytes = 0;
    Layout features = Layout::Native;
    Layout output = Layout::Native;
    uint64_t feature_run = 0;  ///< bytes of features side by side in memory; 0: all of them
};

/// Where a task's time goes, in ns. `total` = kick + fill + steps + drain.
struct TaskTime {
    double kick = 0;   ///< the CPU starts the task and takes its interrupt
    double fill = 0;   ///< features and the first kernel group arrive; the array waits
    double steps = 0;  ///< the array works through the kernel groups, or waits for the DMA
    double drain = 0;  ///< the last group's results leave
    double mac = 0;    ///< cycles the array multiplies (inside `steps`)
    double dma = 0;    ///< all bytes at this core's share of the DRAM, as if nothing overlapped

    double on_npu() const { return fill + steps + drain; }
    double total() const { return kick + on_npu(); }
};

TaskTime task_time(const TaskWork& work, const Machine& machine);

/// task_time().total(): from one task's start to the next one's.
double task_ns(const TaskWork& work, const Machine& machine);

/// One SUBMIT beyond the kicks of its tasks: ioctl, scheduler, IOMMU attach and detach.
double submit_ns();

/// FINI_BO or PREP_BO: the kernel cleans or invalidates every cache line of the BO.
double cache_maintenance_ns(uint64_t bo_bytes);

/// What one core can read, in bytes per ns, while `machine.lanes` of them do.
double read_bandwidth(const Machine& machine);

}  // namespace rosenblatt::npu
