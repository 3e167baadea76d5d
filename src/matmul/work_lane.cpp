// SPDX-License-Identifier: MIT
// WorkLane: buffers within the budget, and the record of failures and hangs.
#include "matmul/work_lane.hpp"

#include <algorithm>
#include <cerrno>
#include <string>

#include "base/bits.hpp"

namespace rosenblatt::matmul {
namespace {

constexpr uint64_t k_page = 4096;
// Per lane: A, C and regcmd of the shapes of a model's layer, for each row block in flight.
constexpr size_t k_idle_buffers = 64;

/// Sizes in steps of an eighth, so that nearby needs share a buffer.
uint64_t size_class(uint64_t bytes) {
    uint64_t step = k_page;
    while (step * 8 < bytes) step *= 2;
    return align_up(bytes, step);
}

/// A lane's addresses are 32 bits wide; some stay free for work buffers.
constexpr uint64_t k_lane_weights_max = (uint64_t{4} << 30) - (uint64_t{320} << 20);

Error out_of_budget(uint64_t bytes) {
    return {ENOMEM, "Another " + std::to_string(bytes) +
                        " bytes of packed weights would exceed GGML_ROCKET_MEM_MAX or a lane's "
                        "4 GiB of addresses."};
}

}  // namespace

bool Budget::take(uint64_t bytes) {
    uint64_t used = used_.load();
    do {
        if (bytes > limit_ || used > limit_ - bytes) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes));
    if (!parent_ || parent_->take(bytes)) return true;
    used_ -= bytes;
    return false;
}

void Budget::take_always(uint64_t bytes) {
    used_ += bytes;
    if (parent_) parent_->take_always(bytes);
}

void Budget::give_back(uint64_t bytes) {
    used_ -= bytes;
    if (parent_) parent_->give_back(bytes);
}

WorkLane::WorkLane(rocket::Lane lane, std::shared_ptr<Budget> device_budget)
    : lane_(std::move(lane)),
      budget_(std::make_shared<Budget>(k_lane_weights_max, std::move(device_budget))) {}

// The budget has been charged for `bytes`; a failure gives them back.
Result<Buffer> WorkLane::create(uint64_t bytes) {
    auto bo = lane_.create_bo(bytes);
    if (!bo && !idle_.empty()) {
        idle_.clear();
        bo = lane_.create_bo(bytes);
    }
    // A single refusal may be a passing shortage; the second answer counts.
    if (!bo) bo = lane_.create_bo(bytes);
    if (bo) return Buffer(std::move(bo).value(), budget_);
    budget_->give_back(bytes);
    return bo.error();
}

Result<Buffer> WorkLane::create_for_weights(uint64_t bytes) {
    if (!budget_->take(bytes)) {
        idle_.clear();
        if (!budget_->take(bytes)) return out_of_budget(bytes);
    }
    return create(bytes);
}

Result<Buffer> WorkLane::borrow(uint64_t bytes) {
    collect_abandoned(rocket::k_poll);
    const uint64_t size = size_class(std::max(bytes, k_page));
    auto best = idle_.end();
    for (auto it = idle_.begin(); it != idle_.end(); ++it) {
        const bool fits = it->size() >= bytes && it->size() <= size + size / 4;
        if (fits && (best == idle_.end() || it->size() < best->size())) best = it;
    }
    if (best == idle_.end()) {
        budget_->take_always(size);
        return create(size);
    }
    Buffer found = std::move(*best);
    idle_.erase(best);
    return found;
}

void WorkLane::put_back(Buffer buffer) {
    if (!buffer || lost_) return;
    idle_.push_back(std::move(buffer));
    if (idle_.size() > k_idle_buffers) idle_.erase(idle_.begin());
}

void WorkLane::put_back_later(std::vector<Buffer> buffers) {
    abandoned_.push_back(std::move(buffers));
}

void WorkLane::collect_abandoned(rocket::Deadline deadline) {
    std::erase_if(abandoned_, [&](std::vector<Buffer>& buffers) {
        if (!lane_.prepare_cpu(buffers.front().bo(), deadline)) return false;
        for (Buffer& buffer : buffers) put_back(std::move(buffer));
        return true;
    });
}

bool WorkLane::record(bool failed, uint64_t call) {
    failures_in_a_row_ = failed ? failures_in_a_row_ + 1 : 0;
    if (!failed) {
        hangs_in_a_row_ = 0;
        hanging_ = false;
    }
    if (failures_in_a_row_ < k_failures_allowed || !rest(call)) return false;
    hanging_ = false;
    return true;
}

bool WorkLane::record_hang(uint64_t call) {
    hangs_in_a_row_ += 1;
    return hangs_in_a_row_ >= k_hangs_allowed && rest_from_hangs(call);
}

bool WorkLane::rest_from_hangs(uint64_t call) {
    hanging_ = true;
    return rest(call);
}

bool WorkLane::rest(uint64_t call) {
    // One more failure or hang after the rest takes it out again.
    failures_in_a_row_ = k_failures_allowed - 1;
    hangs_in_a_row_ = k_hangs_allowed - 1;
    if (!usable(call)) return false;
    resting_until_ = call + 1 + k_rest_calls;
    return true;
}

}  // namespace rosenblatt::matmul
