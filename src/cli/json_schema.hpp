// SPDX-License-Identifier: MIT
// Checks a JSON document against the part of JSON Schema our own schemas use: type, enum, pattern,
// minimum, required, properties, additionalProperties, items, anyOf.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace rosenblatt::cli {

/// One sentence per violation, each beginning with the place ("kernel/running_version: ...").
std::vector<std::string> check_schema(const nlohmann::ordered_json& document,
                                      const nlohmann::ordered_json& schema);

}  // namespace rosenblatt::cli
