// SPDX-License-Identifier: MIT
// The timing model. Each constant names the measurement it stands on; docs/timing.md has the
// residuals.
#include "npu/timing.hpp"

#include <algorithm>
#include <cmath>

namespace rosenblatt::npu {
namespace {

// Bytes per ns are GB/s.
constexpr double k_read_one_core =
    11.4;  ///< 90 ns per 1 KiB tile, DRAM at full and at a quarter speed
constexpr double k_bus_bytes_per_cycle =
    16;                                 ///< AXI data width; seen only through the 200 MHz rows
constexpr double k_dram_lpddr5 = 26.6;  ///< three cores together, reads and writes
constexpr double k_dram_lpddr4x = 21.0;
constexpr double k_atom_bytes = 16;
constexpr double k_row_major_atom_ns =
    7.2;  ///< each atom of a row-major output is a burst of its own,
constexpr double k_row_major_row_ns = 12;  ///< and each row of a kernel group a jump to another row
constexpr double k_row_major_read_factor = 1.2;
constexpr double k_run_ns = 15.7;              ///< features: to turn to another place in memory
constexpr double k_group_bubble_cycles = 200;  ///< array empty between two kernel groups
constexpr double k_kick_ns = 30'000;
constexpr double k_submit_ns = 24'000;  ///< the smallest job takes 54 us: this and one kick
constexpr double k_cache_maintenance_bandwidth = 10;

double dram_share(const Machine& machine) {
    const double dram = machine.board == Board::Lpddr5 ? k_dram_lpddr5 : k_dram_lpddr4x;
    return dram / std::max(1U, machine.lanes);
}

double bus_bandwidth(const Machine& machine) {
    return k_bus_bytes_per_cycle * machine.clock_mhz / 1000;
}

/// One kernel group's results: `rows` of them, `bytes` together.
double write_ns(double bytes, double rows, Layout layout, const Machine& machine) {
    const double linear = bytes / std::min(bus_bandwidth(machine), dram_share(machine));
    if (layout == Layout::Native) return linear;
    return std::max(linear, bytes / k_atom_bytes * k_row_major_atom_ns + rows * k_row_major_row_ns);
}

/// Features of one task, at `read` bytes per ns.
double feature_ns(const TaskWork& work, double read) {
    const auto bytes = static_cast<double>(work.feature_bytes);
    if (work.features == Layout::RowMajor) return bytes * k_row_major_read_factor / read;
    const double run = work.feature_run > 0 ? static_cast<double>(work.feature_run) : INFINITY;
    return bytes / read + bytes / run * k_run_ns;
}

/// Part of a kernel group that cannot be fetched while the array works on the one before, because
/// the ring of weight banks is too small for two groups.
double late_bytes(double group_bytes, double capacity) {
    return std::clamp(2 * group_bytes - capacity, 0.0, group_bytes);
}

}  // namespace

double read_bandwidth(const Machine& machine) {
    return std::min({k_read_one_core, bus_bandwidth(machine), dram_share(machine)});
}

TaskTime task_time(const TaskWork& work, const Machine& machine) {
    const double cycle = 1000 / machine.clock_mhz;
    const double groups = static_cast<double>(std::max<uint64_t>(1, work.groups));
    const double read = read_bandwidth(machine);
    const double group_bytes = static_cast<double>(work.weight_bytes) / groups;
    const double output_bytes = static_cast<double>(work.output_bytes) / groups;
    const double features = feature_ns(work, read);

    const double mac = static_cast<double>(work.rows * work.tiles) * cycle;
    const double busy = mac + k_group_bubble_cycles * cycle;
    const double late = late_bytes(group_bytes, static_cast<double>(work.weight_capacity)) / read;
    const double write =
        write_ns(output_bytes, static_cast<double>(work.rows), work.output, machine);
    const double shared = (group_bytes + output_bytes) / dram_share(machine);
    const double step = std::max({busy + late, group_bytes / read, write, shared});

    TaskTime time;
    time.kick = k_kick_ns;
    time.fill = features + group_bytes / read;
    time.steps = busy + (groups - 1) * step;
    time.drain = write;
    time.mac = mac * groups;
    time.dma = features + (group_bytes + output_bytes) * groups / read;
    return time;
}

double task_ns(const TaskWork& work, const Machine& machine) {
    return task_time(work, machine).total();
}

double submit_ns() {
    return k_submit_ns;
}

double cache_maintenance_ns(uint64_t bo_bytes) {
    return static_cast<double>(bo_bytes) / k_cache_maintenance_bandwidth;
}

}  // namespace rosenblatt::npu
