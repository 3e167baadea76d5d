// SPDX-License-Identifier: MIT
#include "rocket/lane.hpp"

#include <algorithm>
#include <utility>

#include "drm/rocket_accel.h"
#include "rocket/bo_registry.hpp"
#include "rocket/capture.hpp"
#include "rocket/device.hpp"

namespace rosenblatt::rocket {
namespace {

static_assert(sizeof(Task) == sizeof(drm_rocket_task), "tasks are handed over as they stand");

// The kernel keeps the mapped length in an int: 2 GiB turns negative and poisons the address space.
constexpr uint64_t k_largest_bo = (2ull << 30) - 4096;

Error refused(const std::string& why) {
    return {EINVAL, "A job was not submitted: " + why + "."};
}

// What the kernel would drop without a word.
Result<void> check(const Job& job) {
    if (job.tasks.empty()) return refused("it has no task");
    for (const Task& task : job.tasks) {
        if (task.words == 0) return refused("a task has an empty stream");
        if (task.regcmd % 16 != 0)
            return refused("stream address " + std::to_string(task.regcmd) +
                           " is not a multiple of 16, and the NPU ignores the low bits");
    }
    std::vector<uint32_t> handles(job.in);
    handles.insert(handles.end(), job.out.begin(), job.out.end());
    std::sort(handles.begin(), handles.end());
    const auto twice = std::adjacent_find(handles.begin(), handles.end());
    if (twice != handles.end())
        return refused("buffer handle " + std::to_string(*twice) + " is listed twice");
    return {};
}

uint64_t user_pointer(const void* pointer) {
    return reinterpret_cast<uintptr_t>(pointer);
}

drm_rocket_job kernel_job(const Job& job) {
    drm_rocket_job kernel{};
    kernel.tasks = user_pointer(job.tasks.data());
    kernel.in_bo_handles = user_pointer(job.in.data());
    kernel.out_bo_handles = user_pointer(job.out.data());
    kernel.task_count = static_cast<uint32_t>(job.tasks.size());
    kernel.task_struct_size = sizeof(drm_rocket_task);
    kernel.in_bo_handle_count = static_cast<uint32_t>(job.in.size());
    kernel.out_bo_handle_count = static_cast<uint32_t>(job.out.size());
    return kernel;
}

int64_t nanoseconds(Deadline deadline) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch())
        .count();
}

}  // namespace

Lane::Lane(std::shared_ptr<DeviceFile> file)
    : file_(std::move(file)), registry_(std::make_shared<BoRegistry>()) {}

Result<Lane> Lane::open(KernelPort& port, const std::string& path) {
    auto file = open_device(port, path);
    if (!file) return file.error();
    return Lane(std::move(file).value());
}

Result<Bo> Lane::create_bo(size_t size) {
    const std::string what = "Making a buffer of " + std::to_string(size) + " bytes";
    if (size == 0 || size > k_largest_bo)
        return Error{EINVAL, what + " is not possible: the kernel takes 1 byte to 2 GiB - 4 KiB."};
    drm_rocket_create_bo create{};
    create.size = static_cast<uint32_t>(size);
    int result = file_->ioctl(DRM_IOCTL_ROCKET_CREATE_BO, create);
    if (result < 0) return call_error(*file_, what, result);

    void* address = nullptr;
    result = file_->port().mmap(file_->fd(), size, create.offset, &address);
    if (result < 0) {
        drm_rocket_gem_close close{};
        close.handle = create.handle;
        file_->ioctl(DRM_IOCTL_ROCKET_GEM_CLOSE, close);
        return call_error(*file_, "Mapping a buffer of " + std::to_string(size) + " bytes", result);
    }
    return Bo(file_, registry_, create.handle, static_cast<uint32_t>(create.dma_address),
              Mapping(file_->port(), address, size));
}

Result<void> Lane::prepare_handle(uint32_t handle, Deadline deadline) const {
    drm_rocket_prep_bo prep{};
    prep.handle = handle;
    prep.timeout_ns = nanoseconds(deadline);
    // Linux 6.18 answers a positive number on success.
    const int result = file_->ioctl(DRM_IOCTL_ROCKET_PREP_BO, prep);
    if (result < 0) return call_error(*file_, "Waiting for a buffer (PREP_BO)", result);
    return {};
}

Result<void> Lane::prepare_cpu(const Bo& bo, Deadline deadline) const {
    return prepare_handle(bo.handle(), deadline);
}

Result<void> Lane::finish_cpu(const Bo& bo) const {
    drm_rocket_fini_bo fini{};
    fini.handle = bo.handle();
    const int result = file_->ioctl(DRM_IOCTL_ROCKET_FINI_BO, fini);
    if (result < 0) return call_error(*file_, "Handing a buffer to the NPU (FINI_BO)", result);
    return {};
}

Result<void> Lane::submit(std::span<const Job> jobs) const {
    for (const Job& job : jobs)
        if (auto checked = check(job); !checked) return checked;
    return capture_ && !capture_->stopped() ? submit_captured(jobs) : submit_to_kernel(jobs);
}

Result<void> Lane::submit_to_kernel(std::span<const Job> jobs) const {
    std::vector<drm_rocket_job> kernel_jobs;
    kernel_jobs.reserve(jobs.size());
    for (const Job& job : jobs) kernel_jobs.push_back(kernel_job(job));

    drm_rocket_submit submit{};
    submit.jobs = user_pointer(kernel_jobs.data());
    submit.job_count = static_cast<uint32_t>(kernel_jobs.size());
    submit.job_struct_size = sizeof(drm_rocket_job);
    const int result = file_->ioctl(DRM_IOCTL_ROCKET_SUBMIT, submit);
    if (result < 0) return call_error(*file_, "Submitting jobs (SUBMIT)", result);
    return {};
}

// Each job alone: its inputs as they are before it, its output as it is after it.
Result<void> Lane::submit_captured(std::span<const Job> jobs) const {
    for (const Job& job : jobs) {
        auto folder = capture_->before(job, registry_->all());
        if (!folder) capture_->stop(folder.error());
        if (auto submitted = submit_to_kernel(std::span(&job, 1)); !submitted) return submitted;
        if (auto waited = wait(job, k_forever); !waited) return waited;
        if (!folder) continue;
        if (auto written = capture_->after(*folder, job, registry_->all()); !written)
            capture_->stop(written.error());
    }
    return {};
}

Result<void> Lane::wait(const Job& job, Deadline deadline) const {
    for (const uint32_t handle : job.out)
        if (auto prepared = prepare_handle(handle, deadline); !prepared) return prepared;
    return {};
}

}  // namespace rosenblatt::rocket
