// SPDX-License-Identifier: MIT
// WorkLane: a rocket::Lane with what the engine keeps per lane: a budget of BO memory, work buffers
// that are used again and again, and its record of failures and hangs.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "rocket/lane.hpp"

namespace rosenblatt::matmul {

/// Counts the bytes of BOs and bounds those of weights: a lane's budget within its address space,
/// and its parent, the device's, within what the user allows. Shared by everything that frees BOs
/// later.
class Budget {
  public:
    explicit Budget(uint64_t limit, std::shared_ptr<Budget> parent = nullptr)
        : limit_(limit), parent_(std::move(parent)) {}
    /// Within all limits or not at all.
    bool take(uint64_t bytes);
    /// Work buffers: counted, never refused.
    void take_always(uint64_t bytes);
    void give_back(uint64_t bytes);
    uint64_t used() const { return used_; }
    uint64_t limit() const { return limit_; }

  private:
    uint64_t limit_;
    std::shared_ptr<Budget> parent_;
    std::atomic<uint64_t> used_{0};
};

/// A BO whose bytes count against a budget.
class Buffer {
  public:
    Buffer() = default;
    Buffer(rocket::Bo bo, std::shared_ptr<Budget> budget)
        : bo_(std::move(bo)), budget_(std::move(budget)) {}
    Buffer(Buffer&&) noexcept = default;
    Buffer& operator=(Buffer&& other) noexcept {
        std::swap(bo_, other.bo_);
        std::swap(budget_, other.budget_);
        return *this;
    }
    ~Buffer() {
        if (budget_) budget_->give_back(bo_.size());
    }

    explicit operator bool() const { return budget_ != nullptr; }
    const rocket::Bo& bo() const { return bo_; }
    uint32_t iova() const { return bo_.iova(); }
    size_t size() const { return bo_.size(); }
    template <typename T>
    T* as() const {
        return reinterpret_cast<T*>(bo_.data());
    }

  private:
    rocket::Bo bo_;
    std::shared_ptr<Budget> budget_;
};

/// Not thread-safe: the device's lock guards it.
class WorkLane {
  public:
    WorkLane(rocket::Lane lane, std::shared_ptr<Budget> device_budget);

    const rocket::Lane& lane() const { return lane_; }

    /// A BO of its own, within the budgets. When memory is short, idle work buffers are freed and
    /// it is tried once more.
    Result<Buffer> create_for_weights(uint64_t bytes);

    /// A work buffer of at least `bytes`, not much larger: the kernel's cache maintenance costs per
    /// byte of the BO. An idle one is taken before one is made. Contents are whatever they were.
    Result<Buffer> borrow(uint64_t bytes);
    void put_back(Buffer buffer);
    /// Buffers of jobs that nobody waits for; the jobs write the first one. They are put back once
    /// the jobs have ended.
    void put_back_later(std::vector<Buffer> buffers);
    /// Puts back what has ended by then. A file must not be closed under its jobs.
    void collect_abandoned(rocket::Deadline deadline);

    /// Jobs were submitted, and their end has been seen or is awaited no more.
    void count_submit() { in_flight_ += 1; }
    void count_end() { in_flight_ -= 1; }

    /// What happened to a call's tiles on this lane. Three calls in a row with failures take the
    /// lane out for the next k_rest_calls calls; then it is tried again.
    /// True when this call took it out.
    bool record(bool failed, uint64_t call);
    /// A run sat out the kernel's watchdog. Half a second is dear, so the second one without a good
    /// call between them takes the lane out at once. True when this one did.
    bool record_hang(uint64_t call);
    /// Takes the lane out because of hangs. True unless it is out already.
    bool rest_from_hangs(uint64_t call);
    bool usable(uint64_t call) const { return !lost_ && call >= resting_until_; }
    /// Usable, and nothing that may hang as the last run did stands before what is submitted now.
    bool worth_asking_again(uint64_t call) const {
        return usable(call) && (hangs_in_a_row_ == 0 || in_flight_ == 0);
    }
    /// Taken out because it hangs: jobs it still has will hang as well.
    bool given_up(uint64_t call) const { return hanging_ && !usable(call); }
    void set_lost() { lost_ = true; }
    bool lost() const { return lost_; }

    static constexpr unsigned k_failures_allowed = 3;
    static constexpr unsigned k_hangs_allowed = 2;
    static constexpr uint64_t k_rest_calls = 64;
    /// The kernel ends every job after 500 ms; a wait this long means that it does not answer.
    static constexpr std::chrono::seconds k_wait_limit{20};

  private:
    Result<Buffer> create(uint64_t bytes);
    bool rest(uint64_t call);

    rocket::Lane lane_;
    std::shared_ptr<Budget> budget_;
    std::vector<Buffer> idle_;
    std::vector<std::vector<Buffer>> abandoned_;
    unsigned in_flight_ = 0;
    unsigned failures_in_a_row_ = 0;
    unsigned hangs_in_a_row_ = 0;
    uint64_t resting_until_ = 0;
    bool hanging_ = false;
    bool lost_ = false;
};

}  // namespace rosenblatt::matmul
