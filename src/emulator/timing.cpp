// SPDX-License-Identifier: MIT
// Work of a task in the terms of npu/timing.
#include "emulator/timing.hpp"

namespace rosenblatt::emulator {
namespace {

npu::Layout layout(bool row_major) {
    return row_major ? npu::Layout::RowMajor : npu::Layout::Native;
}

}  // namespace

double modelled_ns(const TaskWork& work, const npu::Machine& machine) {
    npu::TaskWork task;
    task.rows = work.rows;
    task.tiles = work.tiles;
    task.groups = work.groups;
    task.weight_bytes = work.weight_bytes;
    task.weight_capacity = work.weight_capacity;
    task.feature_bytes = work.feature_bytes + work.operand_bytes;
    task.output_bytes = work.output_bytes;
    task.feature_run = work.feature_run;
    task.features = layout(work.row_major_features);
    task.output = layout(work.row_major_output);
    return npu::task_ns(task, machine);
}

}  // namespace rosenblatt::emulator
