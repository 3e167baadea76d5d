// SPDX-License-Identifier: MIT
// Fault injection: the list of GGML_ROCKET_FAULT, and when each of its faults is due.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace rosenblatt::emukernel {

enum class FaultKind {
    Hang,     ///< the job never ends; the watchdog gives up after 500 ms
    Drop,     ///< the job is never queued, as for a BO listed twice
    Flip,     ///< one bit of what the job wrote is inverted
    Partial,  ///< the second half of what the job wrote never arrives
    Swap,     ///< two tiles of the job's output are exchanged
    Stale,    ///< the output shows what an earlier job left there
    Iommu,    ///< the job's first access faults in the IOMMU
    Slow,     ///< every task takes a multiple of its modelled time
    Lost,     ///< the device is gone: ENODEV from then on
    Enospc,   ///< one CREATE_BO finds no NPU addresses
};

struct FaultRule {
    FaultKind kind = FaultKind::Hang;
    uint64_t number = 1;           ///< due at this job (or BO, for Enospc) of the process, from 1
    uint64_t bit = 0;              ///< Flip: counted from the first bit the job wrote, wrapping
    double factor = 1;             ///< Slow
    std::optional<unsigned> lane;  ///< open files count from 0; closed ones make room
};

/// "hang:job=3;flip:job=5,bit=17,lane=1;slow:x=2.5"; empty text is an empty list. The Error names
/// the part that is wrong and what it may say.
Result<std::vector<FaultRule>> parse_faults(std::string_view text);

/// Counts jobs and BOs of the process and says which faults are due. Each rule strikes once: at
/// number N, or with a lane at the first job of that lane whose number is N or above.
class FaultPlan {
  public:
    explicit FaultPlan(std::vector<FaultRule> rules);

    /// Called once for each job the kernel would queue.
    std::vector<FaultRule> next_job(unsigned lane);
    /// Called once for each CREATE_BO: must it fail with ENOSPC?
    bool next_bo_fails(unsigned lane);
    /// Product of all Slow factors.
    double time_factor() const { return time_factor_; }
    /// Stale needs to know what earlier jobs left.
    bool keeps_old_outputs() const { return keeps_old_outputs_; }

  private:
    bool strikes(size_t index, uint64_t number, unsigned lane);

    std::mutex mutex_;
    std::vector<FaultRule> rules_;
    std::vector<bool> spent_;
    uint64_t jobs_ = 0;
    uint64_t bos_ = 0;
    double time_factor_ = 1;
    bool keeps_old_outputs_ = false;
};

}  // namespace rosenblatt::emukernel
