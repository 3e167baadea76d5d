// SPDX-License-Identifier: MIT
// Prints an audit: the JSON of the outside contract, or a short table for people.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/audit_rules.hpp"

namespace rosenblatt::cli {

nlohmann::ordered_json audit_json(const host::HostFacts& facts,
                                  const std::vector<Finding>& findings);

/// Worst first; colour only for terminals.
std::string audit_table(const host::HostFacts& facts, const std::vector<Finding>& findings,
                        bool colour);

}  // namespace rosenblatt::cli
