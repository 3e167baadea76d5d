// SPDX-License-Identifier: MIT
// Injection: the faults that spoil a job's output after it ran.
#pragma once

#include <vector>

#include "emukernel/queued_job.hpp"
#include "emukernel/task_bus.hpp"

namespace rosenblatt::emukernel {

bool has_fault(const QueuedJob& job, FaultKind kind);

/// Does the job's writes have to be kept for spoil_output?
bool spoils_output(const QueuedJob& job);

/// `tasks`: what each task of the job wrote, committed with the replaced bytes kept.
void spoil_output(const QueuedJob& job, std::vector<TaskWrites>& tasks);

/// Keeps the output as the job left it, for a later job's fault "stale".
void remember_output(const QueuedJob& job);

}  // namespace rosenblatt::emukernel
