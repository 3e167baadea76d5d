// SPDX-License-Identifier: MIT
// `rosenblatt coverage`: for each op and shape of a model where it runs, at what modelled cost, and
// why not on the NPU.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>

namespace rosenblatt::cli {

struct CoverageOptions {
    std::string gguf;
    std::string model;  ///< of the catalogue; neither: all of it, as docs/op-coverage.md has it
    uint32_t prefill = 512;
    double clock_mhz = 600;
    bool json = false;
};

/// Tables in Markdown on `out`. Returns 0, 1 when a file cannot be read, 2 for wrong usage.
int run_coverage(const CoverageOptions& options, std::ostream& out, std::ostream& err);

/// What a reason means, in a sentence; empty for an unknown one.
std::string reason_text(const std::string& reason);

}  // namespace rosenblatt::cli
