// SPDX-License-Identifier: MIT
#include "emukernel/kernel.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "emukernel/file.hpp"

namespace rosenblatt::emukernel {
namespace {

std::vector<std::unique_ptr<JobRunner>> make_runners(const Config& config,
                                                     const FaultPlan& faults) {
    const RunnerSettings settings{.switches = config.switches,
                                  .machine = config.machine,
                                  .time_factor = faults.time_factor(),
                                  .remember_outputs = faults.keeps_old_outputs()};
    std::vector<std::unique_ptr<JobRunner>> runners;
    for (unsigned index = 0; index < config.cores; ++index)
        runners.push_back(std::make_unique<JobRunner>(index, settings));
    return runners;
}

}  // namespace

Result<std::shared_ptr<Kernel>> Kernel::create(Config config) {
    if (config.cores < 1 || config.cores > 3)
        return Error{EINVAL, "The emulated NPU cannot have " + std::to_string(config.cores) +
                                 " cores; an RK3588 has 1 to 3."};
    auto memory = MemoryPool::create(config.backing);
    if (!memory) return memory.error();
    return std::shared_ptr<Kernel>(new Kernel(std::move(config), std::move(memory).value()));
}

Kernel::Kernel(Config config, std::shared_ptr<MemoryPool> memory)
    : memory_(std::move(memory)),
      faults_(config.faults),
      scheduler_(std::make_unique<Scheduler>(make_runners(config, faults_), config.watchdog)),
      owner_(::getpid()) {}

Kernel::~Kernel() {
    // The threads stayed in the parent; joining them or destroying what they wait on would hang.
    if (forked()) (void)scheduler_.release();
}

bool Kernel::forked() const {
    return ::getpid() != owner_;
}

bool Kernel::gone() const {
    return lost_.load(std::memory_order_relaxed) || forked();
}

int Kernel::open(int flags, std::shared_ptr<File>* file) {
    if (gone()) return -ENODEV;
    if (flags & O_EXCL) return -EBUSY;
    *file = std::make_shared<File>(shared_from_this());
    return 0;
}

double Kernel::modelled_ms() const {
    double ns = 0;
    for (const CoreCounters& core : counters()) ns += static_cast<double>(core.modelled_ns);
    return ns / 1e6;
}

void Kernel::lose_device() {
    lost_ = true;
    scheduler_->abandon();
}

unsigned Kernel::take_lane_number() {
    std::lock_guard lock(lanes_mutex_);
    unsigned number = 0;
    while (lanes_.contains(number)) ++number;
    lanes_.insert(number);
    return number;
}

void Kernel::give_back_lane_number(unsigned number) {
    std::lock_guard lock(lanes_mutex_);
    lanes_.erase(number);
}

}  // namespace rosenblatt::emukernel
