// SPDX-License-Identifier: MIT
// The one place where the emulator asks how long a task takes.
#pragma once

#include "emulator/task.hpp"
#include "npu/timing.hpp"

namespace rosenblatt::emulator {

/// Nanoseconds of one task, kick and interrupt included.
double modelled_ns(const TaskWork& work, const npu::Machine& machine);

}  // namespace rosenblatt::emulator
