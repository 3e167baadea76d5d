// SPDX-License-Identifier: MIT
// Complaints: what people are told about faults, one line each: a fault is often seen in several
// places, and what made the device unusable explains the rest.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace rosenblatt::matmul {

/// Notes come while a product runs, the line when it is over. The device's lock guards it.
class Complaints {
  public:
    /// Tiles whose proof failed.
    void tiles(size_t count) { tiles_ += count; }
    /// A call of the driver was refused and may succeed another time.
    void passing(const std::string& message) { keep_first(passing_, message); }
    /// A lane does not answer and is not asked again.
    void lasting(const std::string& message) { keep_first(lasting_, message); }

    /// Gives `warn` what has not been said yet: once that a lane is lost, once that all are, once
    /// anything that passes.
    void tell(bool all_lanes_lost, const std::function<void(const std::string&)>& warn);

  private:
    static void keep_first(std::string& kept, const std::string& message) {
        if (kept.empty()) kept = message;
    }

    size_t tiles_ = 0;
    std::string passing_, lasting_;
    bool said_passing_ = false, said_lane_ = false, said_all_ = false;
};

}  // namespace rosenblatt::matmul
