// SPDX-License-Identifier: MIT
#include "emukernel/scheduler.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

namespace rosenblatt::emukernel {
namespace {

using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC

bool pending(const std::shared_ptr<Fence>& fence) {
    return !fence->signalled;
}

bool written(const Buffer& buffer) {
    return std::any_of(buffer.writers.begin(), buffer.writers.end(), pending);
}

void add_dependencies(QueuedJob& job, const Buffer& buffer) {
    std::copy_if(buffer.writers.begin(), buffer.writers.end(), std::back_inserter(job.dependencies),
                 pending);
}

bool runnable(const QueuedJob& job) {
    return std::none_of(job.dependencies.begin(), job.dependencies.end(), pending);
}

}  // namespace

Scheduler::Scheduler(std::vector<std::unique_ptr<JobRunner>> runners,
                     std::chrono::milliseconds watchdog)
    : watchdog_(watchdog) {
    cores_.resize(runners.size());
    for (size_t i = 0; i < runners.size(); ++i) cores_[i].runner = std::move(runners[i]);
}

Scheduler::~Scheduler() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    for (Core& core : cores_)
        if (core.worker.joinable()) core.worker.join();
}

void Scheduler::add(Entity& entity) {
    std::lock_guard lock(mutex_);
    entities_.push_back(&entity);
}

void Scheduler::remove(Entity& entity) {
    Lock lock(mutex_);
    changed_.wait(lock, [&] { return entity.queue.empty(); });
    std::erase(entities_, &entity);
}

size_t Scheduler::least_loaded() const {
    const auto least = std::min_element(
        cores_.begin(), cores_.end(), [](const Core& a, const Core& b) { return a.load < b.load; });
    return static_cast<size_t>(least - cores_.begin());
}

void Scheduler::push(Entity& entity, std::unique_ptr<QueuedJob> job) {
    {
        std::lock_guard lock(mutex_);
        if (abandoned_) {
            job->finished->signalled = true;
            return;
        }
        for (const auto& buffer : job->in) add_dependencies(*job, *buffer);
        for (const auto& buffer : job->out) {
            add_dependencies(*job, *buffer);
            std::erase_if(buffer->writers, [](const auto& fence) { return fence->signalled; });
            buffer->writers.push_back(job->finished);
        }
        // An entity changes cores only when nothing of it is queued or running.
        if (entity.queue.empty() && (!entity.last_scheduled || entity.last_scheduled->signalled))
            entity.core = least_loaded();
        Core& core = cores_[entity.core];
        ++core.load;
        job->sequence = next_sequence_++;
        entity.queue.push_back(std::move(job));
        if (!core.worker.joinable())
            core.worker = std::thread([this, &core, index = entity.core] { work(core, index); });
    }
    changed_.notify_all();
}

// The oldest job at the head of a queue of this core whose dependencies are done.
std::unique_ptr<QueuedJob> Scheduler::take_runnable(size_t core_index) {
    Entity* oldest = nullptr;
    for (Entity* entity : entities_) {
        if (entity->core != core_index || entity->queue.empty()) continue;
        const QueuedJob& head = *entity->queue.front();
        if (runnable(head) && (!oldest || head.sequence < oldest->queue.front()->sequence))
            oldest = entity;
    }
    if (!oldest) return nullptr;
    auto job = std::move(oldest->queue.front());
    oldest->queue.pop_front();
    oldest->last_scheduled = job->finished;
    return job;
}

void Scheduler::work(Core& core, size_t index) {
    Lock lock(mutex_);
    while (true) {
        if (auto job = take_runnable(index)) {
            changed_.notify_all();  // remove() waits for queues to drain
            run(core, std::move(job), lock);
            changed_.notify_all();
        } else if (stopping_) {
            return;
        } else {
            changed_.wait(lock);
        }
    }
}

void Scheduler::run(Core& core, std::unique_ptr<QueuedJob> job, Lock& lock) {
    const auto started = Clock::now();
    lock.unlock();
    const RunResult result = core.runner->run(*job);
    lock.lock();
    if (result.end == RunEnd::Hung) {
        changed_.wait_until(lock, started + watchdog_, [&] { return stopping_ || abandoned_; });
    }
    lock.unlock();
    if (result.end != RunEnd::Completed) core.runner->reset();
    // The buffers are let go before the fence says so: whoever waited finds their addresses free.
    const auto finished = job->finished;
    job.reset();
    lock.lock();
    finished->signalled = true;
    --core.load;
    core.counters.tasks += result.tasks;
    core.counters.jobs += 1;
    core.counters.timeouts += result.end != RunEnd::Completed;
    core.counters.modelled_ns += result.modelled_ns;
}

int Scheduler::wait_for_writers(const Buffer& buffer, int64_t timeout_ns) {
    Lock lock(mutex_);
    if (!written(buffer)) return 0;
    const Clock::time_point deadline{std::chrono::nanoseconds(timeout_ns)};
    if (timeout_ns == 0 || deadline <= Clock::now()) return -EBUSY;
    const bool idle = changed_.wait_until(lock, deadline, [&] { return !written(buffer); });
    return idle ? 0 : -ETIMEDOUT;
}

void Scheduler::abandon() {
    std::vector<std::unique_ptr<QueuedJob>> never_run;  // let go after the lock
    {
        std::lock_guard lock(mutex_);
        abandoned_ = true;
        for (Entity* entity : entities_) {
            for (auto& job : entity->queue) {
                job->finished->signalled = true;
                --cores_[entity->core].load;
                never_run.push_back(std::move(job));
            }
            entity->queue.clear();
        }
    }
    changed_.notify_all();
}

std::vector<CoreCounters> Scheduler::counters() const {
    std::lock_guard lock(mutex_);
    std::vector<CoreCounters> all;
    for (const Core& core : cores_) all.push_back(core.counters);
    return all;
}

}  // namespace rosenblatt::emukernel
