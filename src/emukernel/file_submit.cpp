// SPDX-License-Identifier: MIT
// SUBMIT: copies jobs from the caller and queues them. Whatever is wrong with a single job, the
// call answers 0: the driver throws the job's error away (Linux 6.18 to 7.3).
#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include "drm/rocket_accel.h"
#include "emukernel/file.hpp"
#include "emukernel/user_memory.hpp"

namespace rosenblatt::emukernel {
namespace {

constexpr size_t k_copied_at_once = 1024;

// The kernel's allocator refuses arrays above INT_MAX bytes.
bool too_large(uint64_t count, size_t element) {
    return count * element > INT_MAX;
}

// `count` elements that lie `stride` bytes apart; false for an unreadable one. Grows with what
// could be read, so a huge count with a bad pointer costs nothing.
template <typename T>
bool copy_array(uint64_t user, uint32_t count, uint32_t stride, std::vector<T>* elements) {
    for (uint32_t begin = 0; begin < count;) {
        const auto number = static_cast<uint32_t>(
            std::min<size_t>(count - begin, stride == sizeof(T) ? k_copied_at_once : 1));
        const size_t old = elements->size();
        elements->resize(old + number);
        if (!copy_from_user(elements->data() + old, user + uint64_t{begin} * stride,
                            number * sizeof(T)))
            return false;
        begin += number;
    }
    return true;
}

bool listed_twice(const QueuedJob& job) {
    std::vector<const Buffer*> all;
    for (const auto& buffer : job.in) all.push_back(buffer.get());
    for (const auto& buffer : job.out) all.push_back(buffer.get());
    std::sort(all.begin(), all.end());
    return std::adjacent_find(all.begin(), all.end()) != all.end();
}

}  // namespace

int File::submit(void* data, BufferFds&) {
    const auto& submit = *static_cast<const drm_rocket_submit*>(data);
    if (submit.job_count == 0) return 0;
    if (submit.job_struct_size < sizeof(drm_rocket_job)) return -EINVAL;
    if (submit.reserved != 0) return -EINVAL;
    if (too_large(submit.job_count, sizeof(drm_rocket_job))) return -ENOMEM;
    std::vector<drm_rocket_job> jobs;
    if (!copy_array(submit.jobs, submit.job_count, submit.job_struct_size, &jobs)) return -EFAULT;
    for (const drm_rocket_job& job : jobs) (void)submit_job(job);
    return 0;
}

int File::submit_job(const drm_rocket_job& job) {
    auto queued = std::make_unique<QueuedJob>();
    if (job.task_count == 0) return -EINVAL;
    if (job.task_struct_size < sizeof(drm_rocket_task)) return -EINVAL;
    if (too_large(job.task_count, sizeof(drm_rocket_task))) return -ENOMEM;
    if (!copy_array(job.tasks, job.task_count, job.task_struct_size, &queued->tasks))
        return -EFAULT;
    for (const drm_rocket_task& task : queued->tasks)
        if (task.regcmd_count == 0) return -EINVAL;

    int result = look_up_all(job.in_bo_handles, job.in_bo_handle_count, &queued->in);
    if (result == 0)
        result = look_up_all(job.out_bo_handles, job.out_bo_handle_count, &queued->out);
    if (result < 0) return result;
    // The kernel locks every listed BO and cannot lock one twice.
    if (listed_twice(*queued)) return -EALREADY;

    queued->space = space_;
    queued->faults = kernel_->faults_.next_job(lane_);
    for (const FaultRule& fault : queued->faults) {
        if (fault.kind == FaultKind::Drop) return -EIO;
        if (fault.kind == FaultKind::Lost) return kernel_->lose_device(), -ENODEV;
    }
    kernel_->scheduler_->push(entity_, std::move(queued));
    return 0;
}

int File::look_up_all(uint64_t handles, uint32_t count,
                      std::vector<std::shared_ptr<Buffer>>* buffers) {
    if (too_large(count, sizeof(void*))) return -ENOMEM;
    std::vector<uint32_t> numbers;
    if (!copy_array(handles, count, sizeof(uint32_t), &numbers)) return -EFAULT;
    for (const uint32_t number : numbers) {
        buffers->push_back(look_up(number));
        if (!buffers->back()) return -ENOENT;
    }
    return 0;
}

}  // namespace rosenblatt::emukernel
