// SPDX-License-Identifier: MIT
// Job: ordered tasks for one core, and the BOs whose use the kernel has to know.
#pragma once

#include <cstdint>
#include <vector>

#include "rocket/bo.hpp"

namespace rosenblatt::rocket {

/// One stream, started once.
struct Task {
    uint32_t regcmd = 0;  ///< IOVA of the first word, 16-byte aligned
    uint32_t words = 0;   ///< 64-bit words, tail included
};

/// Only `out` BOs get a fence: a job without one cannot be waited for. `in` BOs make the job wait
/// for earlier writers and stay mapped until it ends. A BO stands in one list, once: the kernel
/// drops a job that lists one twice and says nothing, so Lane::submit refuses it. One written and
/// read goes to `out`.
struct Job {
    std::vector<Task> tasks;
    std::vector<uint32_t> in;   ///< GEM handles
    std::vector<uint32_t> out;  ///< GEM handles

    void add(uint32_t regcmd, uint32_t words) { tasks.push_back({regcmd, words}); }
    void reads(const Bo& bo) { in.push_back(bo.handle()); }
    void writes(const Bo& bo) { out.push_back(bo.handle()); }
};

}  // namespace rosenblatt::rocket
