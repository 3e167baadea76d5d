// SPDX-License-Identifier: MIT
// `rosenblatt bench WHAT`: measurements beside a baseline taken in the same run. Each WHAT is a
// file of its own, bench_<what>.cpp; all print lines of one form.
#pragma once

#include <iosfwd>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace rosenblatt::cli {

/// One measured thing.
struct BenchLine {
    std::string name;
    double value = 0;
    std::string unit;
    std::optional<double> baseline = std::nullopt;  ///< in the same unit; ratio = value / baseline
    /// Further columns, after the five of the contract.
    nlohmann::ordered_json more = nlohmann::ordered_json::object();
};

/// {"name","value","unit","baseline","ratio",...}, or the same as a line of a table.
void print_bench_line(const BenchLine& line, bool json, std::ostream& out);

}  // namespace rosenblatt::cli
