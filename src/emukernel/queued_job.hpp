// SPDX-License-Identifier: MIT
// QueuedJob: a job the kernel accepted, with everything it keeps alive until it ends.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "drm/rocket_accel.h"
#include "emukernel/buffer.hpp"
#include "emukernel/fault_plan.hpp"

namespace rosenblatt::emukernel {

struct QueuedJob {
    std::vector<drm_rocket_task> tasks;
    std::vector<std::shared_ptr<Buffer>> in;
    std::vector<std::shared_ptr<Buffer>> out;
    std::shared_ptr<AddressSpace> space;
    std::vector<FaultRule> faults;  ///< to be injected into this run

    // Filled in by the scheduler.
    std::shared_ptr<Fence> finished = std::make_shared<Fence>();
    std::vector<std::shared_ptr<Fence>> dependencies;
    uint64_t sequence = 0;
};

}  // namespace rosenblatt::emukernel
