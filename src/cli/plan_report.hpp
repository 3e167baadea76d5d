// SPDX-License-Identifier: MIT
// A plan as JSON for programs, and as tables with a drawing for people.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "cli/planned.hpp"

namespace rosenblatt::cli {

nlohmann::ordered_json plan_json(const PlannedMatmul& planned);
nlohmann::ordered_json plan_json(const PlannedModel& planned);

std::string plan_text(const PlannedMatmul& planned);
std::string plan_text(const PlannedModel& planned);

}  // namespace rosenblatt::cli
