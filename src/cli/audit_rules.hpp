// SPDX-License-Identifier: MIT
// The audit's judgement: facts about a host in, findings and a verdict out. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "cli/host/facts.hpp"

namespace rosenblatt::cli {

enum class Severity { Error, Warning, Info };
enum class Verdict { Ready, ActionNeeded, Unsupported };

const char* name(Severity severity);
const char* name(Verdict verdict);

struct Finding {
    std::string id;
    Severity severity = Severity::Info;
    std::string evidence;
    std::string fix;
};

/// Findings, worst first; those that only follow from another one are left out.
std::vector<Finding> judge(const host::HostFacts& facts);

Verdict verdict_of(const host::HostFacts& facts, const std::vector<Finding>& findings);

/// Is the driver there to be loaded, or in the kernel itself? Nothing when that cannot be told.
std::optional<bool> rocket_built(const host::KernelFacts& kernel);
std::optional<bool> rocket_loaded(const host::KernelFacts& kernel);

}  // namespace rosenblatt::cli
