// SPDX-License-Identifier: MIT
// `rosenblatt baseline`: measures a model with llama-bench and keeps the record.
#pragma once

#include <iosfwd>
#include <string>

namespace rosenblatt::cli {

struct BaselineOptions {
    std::string gguf;
    std::string host;
    int repetitions = 3;
    int prompt = 512;
    int generate = 128;
    bool cpu = false;  ///< without the backend
    bool json = false;
    std::string records = ".";  ///< has benchmarks/ and fleet/
    std::string root = "/";     ///< where CPUs are looked up
    std::string backend;
    std::string llama;
};

/// Returns 0, 1 when it cannot be measured or would overwrite a record, 2 for wrong usage.
int run_baseline(const BaselineOptions& options, std::ostream& out, std::ostream& err);

}  // namespace rosenblatt::cli
