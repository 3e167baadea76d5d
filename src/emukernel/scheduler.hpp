// SPDX-License-Identifier: MIT
// Scheduler: drm_sched as rocket uses it. One queue per open file, one job at a time per core, a
// watchdog of 500 ms per job, and fences on the BOs a job writes.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "emukernel/job_runner.hpp"
#include "emukernel/queued_job.hpp"

namespace rosenblatt::emukernel {

/// What a core has done since the device was made. `modelled_ns` sums the tasks' modelled times.
struct CoreCounters {
    uint64_t tasks = 0;
    uint64_t jobs = 0;
    uint64_t timeouts = 0;
    uint64_t modelled_ns = 0;
};

/// The queue of one open file: first in first out, on one core at a time.
struct Entity {
    std::deque<std::unique_ptr<QueuedJob>> queue;
    std::shared_ptr<Fence> last_scheduled;
    size_t core = 0;
};

class Scheduler {
  public:
    Scheduler(std::vector<std::unique_ptr<JobRunner>> runners, std::chrono::milliseconds watchdog);
    ~Scheduler();
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;

    void add(Entity& entity);
    /// Returns when every job of the entity has at least started, and forgets it.
    void remove(Entity& entity);

    /// Queues the job behind all earlier writers of its buffers and fences those it writes.
    void push(Entity& entity, std::unique_ptr<QueuedJob> job);

    /// 0 when no job writes the buffer; else waits until CLOCK_MONOTONIC `timeout_ns` and answers
    /// 0, -ETIMEDOUT, or -EBUSY when that time was 0 or had passed already.
    int wait_for_writers(const Buffer& buffer, int64_t timeout_ns);

    /// The device is gone: running jobs end, queued ones never run, all fences signal.
    void abandon();

    std::vector<CoreCounters> counters() const;

  private:
    struct Core {
        std::unique_ptr<JobRunner> runner;
        std::thread worker;  ///< started at the core's first job
        uint64_t load = 0;   ///< jobs queued or running here
        CoreCounters counters;
    };
    using Lock = std::unique_lock<std::mutex>;

    void work(Core& core, size_t index);
    std::unique_ptr<QueuedJob> take_runnable(size_t core_index);
    void run(Core& core, std::unique_ptr<QueuedJob> job, Lock& lock);
    size_t least_loaded() const;

    const std::chrono::milliseconds watchdog_;  ///< real time that a hung job keeps its core
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Entity*> entities_;
    std::vector<Core> cores_;
    uint64_t next_sequence_ = 0;
    bool stopping_ = false;
    bool abandoned_ = false;
};

}  // namespace rosenblatt::emukernel
