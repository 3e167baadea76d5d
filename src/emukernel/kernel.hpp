// SPDX-License-Identifier: MIT
// Kernel: the state behind /dev/accel/accel0, shared by all open files: cores, scheduler, memory.
// emukernel::Port gives it file descriptors of its own, the shim real ones.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "emukernel/fault_plan.hpp"
#include "emukernel/host_memory.hpp"
#include "emukernel/scheduler.hpp"
#include "emulator/switches.hpp"
#include "npu/timing.hpp"

namespace rosenblatt::emukernel {

/// The node that the emulated device answers at.
constexpr const char* k_device_path = "/dev/accel/accel0";

struct Config {
    unsigned cores = 3;
    npu::Machine machine;  ///< clock and DRAM, for modelled time only
    emulator::Switches switches;
    std::vector<FaultRule> faults;  ///< see parse_faults
    /// How long a hung job keeps its core in real time; rocket waits 500 ms. Fuzzing cannot.
    std::chrono::milliseconds watchdog{500};
    Backing backing = Backing::Own;
};

class File;

class Kernel : public std::enable_shared_from_this<Kernel> {
  public:
    static Result<std::shared_ptr<Kernel>> create(Config config);
    ~Kernel();

    /// open() of the device node: 0 and `file`, or -EBUSY for O_EXCL, or -ENODEV once the device is
    /// lost.
    int open(int flags, std::shared_ptr<File>* file);

    /// One entry per core, in order.
    std::vector<CoreCounters> counters() const { return scheduler_->counters(); }
    /// Sum of the cores' modelled times.
    double modelled_ms() const;
    /// With Backing::File, the memfd that holds all BOs at their mmap offsets.
    int memory_fd() const { return memory_->fd(); }

    /// True after the fault "lost", and in a child made by fork, which has no cores' threads.
    bool gone() const;
    bool forked() const;

  private:
    friend class File;
    Kernel(Config config, std::shared_ptr<MemoryPool> memory);

    void lose_device();
    unsigned take_lane_number();
    void give_back_lane_number(unsigned number);

    std::shared_ptr<MemoryPool> memory_;
    FaultPlan faults_;
    std::unique_ptr<Scheduler> scheduler_;
    std::atomic<bool> lost_{false};
    pid_t owner_;
    std::mutex lanes_mutex_;
    std::set<unsigned> lanes_;
};

}  // namespace rosenblatt::emukernel
