// SPDX-License-Identifier: MIT
// Lane: one open device file = one NPU address space = one core at a time, first in first out.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/result.hpp"
#include "rocket/bo.hpp"
#include "rocket/job.hpp"

namespace rosenblatt::rocket {

class Capture;

/// The kernel takes absolute CLOCK_MONOTONIC times, which is what steady_clock counts.
using Deadline = std::chrono::steady_clock::time_point;

inline Deadline after(std::chrono::nanoseconds time) {
    return std::chrono::steady_clock::now() +
           std::chrono::duration_cast<std::chrono::steady_clock::duration>(time);
}

constexpr Deadline k_poll{};                     ///< EBUSY at once instead of waiting
constexpr Deadline k_forever = Deadline::max();  ///< the kernel's watchdog ends every job

/// Calls may come from several threads; the kernel orders submits.
class Lane {
  public:
    /// Opens `path` and checks that the rocket driver answers (see device.hpp).
    static Result<Lane> open(KernelPort& port, const std::string& path);

    /// Zeroed, page-aligned, mapped for CPU and NPU. Fails with ENOSPC (no NPU addresses), ENOMEM,
    /// or EINVAL for sizes the kernel must not be asked for: 0, and 2 GiB or more, which poison the
    /// file.
    Result<Bo> create_bo(size_t size);

    /// Waits until no job writes the BO (EBUSY or ETIMEDOUT in Error::code), then makes it coherent
    /// for the CPU. Success does not say that the job ran: it may have been dropped, faulted or
    /// timed out.
    Result<void> prepare_cpu(const Bo& bo, Deadline deadline) const;
    /// Hands the BO (whole: the cost is per byte) back to the device.
    Result<void> finish_cpu(const Bo& bo) const;

    /// Queues the jobs in order. The kernel reports nothing about single jobs, so what it would
    /// silently drop (no task, empty stream, a BO listed twice) is refused here with EINVAL.
    Result<void> submit(std::span<const Job> jobs) const;
    Result<void> submit(const Job& job) const { return submit(std::span(&job, 1)); }

    /// Waits for the writers of all `out` BOs of the job, as prepare_cpu does.
    Result<void> wait(const Job& job, Deadline deadline) const;

    /// From now on every job is run by itself and written to a replay folder; slow.
    void set_capture(std::shared_ptr<Capture> capture) { capture_ = std::move(capture); }

    const std::string& path() const { return file_->path(); }

  private:
    explicit Lane(std::shared_ptr<DeviceFile> file);
    Result<void> prepare_handle(uint32_t handle, Deadline deadline) const;
    Result<void> submit_to_kernel(std::span<const Job> jobs) const;
    Result<void> submit_captured(std::span<const Job> jobs) const;

    std::shared_ptr<DeviceFile> file_;
    std::shared_ptr<BoRegistry> registry_;
    std::shared_ptr<Capture> capture_;
};

}  // namespace rosenblatt::rocket
