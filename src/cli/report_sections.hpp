// SPDX-License-Identifier: MIT
// The sections of the report, each as HTML from the records it is about.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/baseline_record.hpp"
#include "cli/planned.hpp"

namespace rosenblatt::cli {

/// Everything found in benchmarks/ and fleet/, in the order of file names.
struct Records {
    std::vector<nlohmann::ordered_json> audits;
    std::vector<std::pair<std::string, nlohmann::ordered_json>> profiles;  ///< file name, phase
    std::vector<BaselineRecord> baselines;
    std::vector<nlohmann::ordered_json> fleet;
    nlohmann::ordered_json accuracy;  ///< null: not measured
};

std::string audit_section(const Records& records);
std::string profile_section(const Records& records);
std::string roofline_section(const PlannedModel& planned);
std::string timeline_section(const PlannedModel& planned);
std::string accuracy_section(const Records& records);
std::string baseline_section(const Records& records);

/// An HTML table; the first row of cells is its head. Cells are escaped.
std::string html_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace rosenblatt::cli
