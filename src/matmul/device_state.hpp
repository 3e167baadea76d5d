// SPDX-License-Identifier: MIT
// Device::State: what the engine's parts share. `mutex` guards lanes, shapes, stats and the counter
// of calls; a product holds it from its plan to its last row.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <vector>

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
    uint64_t calls = 0;  ///< products begun; the clock of resting lanes
    bool warned = false;
    Stats stats;
    using ShapeKey = std::tuple<int64_t, int64_t, Pipeline>;  ///< n, k
    std::map<ShapeKey, std::shared_ptr<ShapePlans>> shapes;

    compile::Conditions conditions() const;
    /// One line for people, once per device; the counters tell the rest.
    void warn_once(const std::string& line);
};

}  // namespace rosenblatt::matmul
