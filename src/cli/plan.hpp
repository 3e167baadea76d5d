// SPDX-License-Identifier: MIT
// `rosenblatt plan`: how a matmul, or all matmuls of a prefill, would be cut and how long that
// takes.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>

namespace rosenblatt::cli {

struct PlanOptions {
    uint32_t m = 0, k = 0, n = 0;
    std::string model;
    std::string gguf;
    uint32_t prefill = 512;
    std::string type = "int8";      ///< int8 | f16
    std::optional<uint32_t> lanes;  ///< without: 3, or 1 with --raw
    double clock_mhz = 600;
    std::string board = "lpddr5";   ///< lpddr5 | lpddr4x
    std::string layout = "native";  ///< native | rowmajor
    bool raw = false;
    bool json = false;
};

/// Results on `out`, complaints on `err`. Returns 0, 1 without a plan, 2 for wrong usage.
int run_plan(const PlanOptions& options, std::ostream& out, std::ostream& err);

}  // namespace rosenblatt::cli
