// SPDX-License-Identifier: MIT
// `rosenblatt report`: one page about a host and a model, from the records in benchmarks/ and
// fleet/.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>

namespace rosenblatt::cli {

struct ReportOptions {
    std::string output;
    std::string records = ".";  ///< has benchmarks/ and fleet/
    std::string model = "qwen2.5-1.5b";
    std::string gguf;  ///< instead of the named model
    uint32_t prefill = 512;
    double clock_mhz = 600;
};

/// Returns 0, 1 when the page cannot be made, 2 for wrong usage.
int run_report(const ReportOptions& options, std::ostream& out, std::ostream& err);

}  // namespace rosenblatt::cli
