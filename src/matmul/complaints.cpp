// SPDX-License-Identifier: MIT
#include "matmul/complaints.hpp"

#include <utility>

namespace rosenblatt::matmul {

void Complaints::tell(bool all_lanes_lost, const std::function<void(const std::string&)>& warn) {
    const size_t tiles = std::exchange(tiles_, 0);
    const std::string passing = std::exchange(passing_, {});
    const std::string lasting = std::exchange(lasting_, {});
    std::string line;
    if (!lasting.empty() && all_lanes_lost && !std::exchange(said_all_, true)) {
        line = lasting + " No lane of the NPU answers any more; the work goes on on the CPU, and "
                         "results stay right.";
    } else if (!lasting.empty() && !all_lanes_lost && !std::exchange(said_lane_, true)) {
        line = lasting + " This lane of the NPU is not used any more; the others do its work, and "
                         "results stay right.";
    } else if (lasting.empty() && (tiles > 0 || !passing.empty()) &&
               !std::exchange(said_passing_, true)) {
        line = passing;
        if (tiles > 0)
            line = std::to_string(tiles) +
                   " tiles of a matmul failed their proof and are computed again; results stay "
                   "right. The statistics count every such case.";
    }
    if (!line.empty() && warn) warn(line);
}

}  // namespace rosenblatt::matmul
