// SPDX-License-Identifier: MIT
#include "emukernel/injection.hpp"

#include <algorithm>
#include <utility>

namespace rosenblatt::emukernel {
namespace {

// All bytes a job wrote, task after task.
class JobWrites {
  public:
    explicit JobWrites(std::vector<TaskWrites>& tasks) : tasks_(tasks) {
        for (const TaskWrites& task : tasks) size_ += task.size();
    }

    size_t size() const { return size_; }

    std::byte& visible(size_t position) {
        TaskWrites& task = locate(position);
        return task.visible(position);
    }

    std::byte before(size_t position) {
        const TaskWrites& task = locate(position);
        return task.before(position);
    }

  private:
    TaskWrites& locate(size_t& position) {
        auto task = tasks_.begin();
        while (position >= task->size()) position -= (task++)->size();
        return *task;
    }

    std::vector<TaskWrites>& tasks_;
    size_t size_ = 0;
};

void flip(JobWrites& writes, uint64_t bit) {
    if (writes.size() == 0) return;
    const uint64_t wrapped = bit % (uint64_t{writes.size()} * 8);
    writes.visible(wrapped / 8) ^= std::byte{1} << (wrapped % 8);
}

void halve(JobWrites& writes) {
    for (size_t i = writes.size() / 2; i < writes.size(); ++i) writes.visible(i) = writes.before(i);
}

// Two tasks' outputs where there are two, else the two halves of the one.
void swap_tiles(std::vector<TaskWrites>& tasks) {
    if (tasks.empty()) return;
    TaskWrites& first = tasks.front();
    TaskWrites& second = tasks.size() > 1 ? tasks[1] : tasks.front();
    const size_t begin = tasks.size() > 1 ? 0 : first.size() / 2;
    const size_t length = std::min(second.size() - begin, tasks.size() > 1 ? first.size() : begin);
    for (size_t i = 0; i < length; ++i) std::swap(first.visible(i), second.visible(begin + i));
}

// The BO's bytes as the last job left them; zeros, a new BO's content, when there was none.
void make_stale(const QueuedJob& job, JobWrites& writes) {
    for (size_t i = 0; i < writes.size(); ++i) {
        std::byte& byte = writes.visible(i);
        byte = std::byte{0};
        for (const auto& buffer : job.out) {
            const auto memory = buffer->memory()->bytes();
            const auto offset = static_cast<size_t>(&byte - memory.data());
            if (&byte >= memory.data() && offset < buffer->last_output.size())
                byte = buffer->last_output[offset];
        }
    }
}

}  // namespace

bool has_fault(const QueuedJob& job, FaultKind kind) {
    return std::any_of(job.faults.begin(), job.faults.end(),
                       [&](const FaultRule& rule) { return rule.kind == kind; });
}

bool spoils_output(const QueuedJob& job) {
    return has_fault(job, FaultKind::Flip) || has_fault(job, FaultKind::Partial) ||
           has_fault(job, FaultKind::Swap) || has_fault(job, FaultKind::Stale);
}

void spoil_output(const QueuedJob& job, std::vector<TaskWrites>& tasks) {
    JobWrites writes(tasks);
    for (const FaultRule& rule : job.faults) {
        switch (rule.kind) {
            case FaultKind::Flip:
                flip(writes, rule.bit);
                break;
            case FaultKind::Partial:
                halve(writes);
                break;
            case FaultKind::Swap:
                swap_tiles(tasks);
                break;
            case FaultKind::Stale:
                make_stale(job, writes);
                break;
            default:
                break;
        }
    }
}

void remember_output(const QueuedJob& job) {
    for (const auto& buffer : job.out) {
        const auto bytes = buffer->memory()->bytes();
        buffer->last_output.assign(bytes.begin(), bytes.end());
    }
}

}  // namespace rosenblatt::emukernel
