// SPDX-License-Identifier: MIT
// Device::State: what the engine's parts share. `mutex` guards lanes, shapes, stats and the counter
// of calls; a product holds it from its plan to its last row.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <vector>

#include "matmul/complaints.hpp"
#include "matmul/device.hpp"
#include "matmul/shape_plan.hpp"
#include "matmul/turns.hpp"
#include "matmul/work_lane.hpp"

namespace rosenblatt::matmul {

struct Device::State {
    DeviceOptions options;
    std::shared_ptr<Budget> budget;

    mutable Turns mutex;
    std::vector<WorkLane> lanes;
    uint64_t calls = 0;           ///< products begun; the clock of resting lanes
    unsigned hangs_in_a_row = 0;  ///< times that callers sat out the watchdog; a good call ends it
    Complaints complaints;
    Stats stats;
    using ShapeKey = std::tuple<int64_t, int64_t, Pipeline>;  ///< n, k
    std::map<ShapeKey, std::shared_ptr<ShapePlans>> shapes;

    compile::Conditions conditions() const;
    bool lost() const;
    /// After a product, however it ended: the lines that people have not read yet.
    void tell_people() { complaints.tell(lost(), options.warn); }
};

}  // namespace rosenblatt::matmul
