// SPDX-License-Identifier: MIT
// Device: opening the lanes, counters, warnings.
#include "matmul/device.hpp"

#include <algorithm>

#include "matmul/device_state.hpp"

namespace rosenblatt::matmul {

Device::Device(std::unique_ptr<State> state) : state_(std::move(state)) {}

// A file must not be closed under its jobs; those that hang take half a second each.
Device::~Device() {
    for (WorkLane& lane : state_->lanes)
        lane.collect_abandoned(rocket::after(WorkLane::k_wait_limit));
}

Result<std::unique_ptr<Device>> Device::open(KernelPort& port, const std::string& path,
                                             const DeviceOptions& options) {
    auto state = std::make_unique<State>();
    state->options = options;
    state->budget = std::make_shared<Budget>(options.mem_max_bytes);
    for (unsigned i = 0; i < std::max(options.lanes, 1u); ++i) {
        auto lane = rocket::Lane::open(port, path);
        if (!lane) return lane.error();
        if (options.capture) lane->set_capture(options.capture);
        state->lanes.emplace_back(std::move(lane).value(), state->budget);
    }
    return std::unique_ptr<Device>(new Device(std::move(state)));
}

unsigned Device::lanes() const {
    return static_cast<unsigned>(state_->lanes.size());
}
const DeviceOptions& Device::options() const {
    return state_->options;
}
uint64_t Device::bo_bytes() const {
    return state_->budget->used();
}

Stats Device::stats() const {
    const std::lock_guard lock(state_->mutex);
    return state_->stats;
}

bool Device::lost() const {
    const std::lock_guard lock(state_->mutex);
    return state_->lost();
}

compile::Conditions Device::State::conditions() const {
    compile::Conditions conditions;
    conditions.machine.clock_mhz = options.clock_mhz;
    conditions.machine.board = options.board;
    conditions.machine.lanes = static_cast<unsigned>(lanes.size());
    // 200 MHz is what mainline gives; a job planned for more must still end before the watchdog.
    conditions.job_clock_mhz = std::min(options.clock_mhz, 200.0);
    return conditions;
}

bool Device::State::lost() const {
    return std::all_of(lanes.begin(), lanes.end(),
                       [](const WorkLane& lane) { return lane.lost(); });
}

}  // namespace rosenblatt::matmul
