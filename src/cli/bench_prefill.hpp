// SPDX-License-Identifier: MIT
// `rosenblatt bench prefill`: a prompt through llama.cpp and the backend, counted and timed by
// stage, against the least it could cost.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace rosenblatt::cli {

struct BenchPrefillOptions {
    std::string gguf;
    uint32_t prompt = 512;
    std::vector<uint32_t> depths{0, 4096, 16384};  ///< tokens already in the context
    int threads = 0;                               ///< 0: every CPU this process may use
    std::string backend;
    std::string llama;
    bool json = false;
};

/// Results on `out`, complaints on `err`. Returns 0, 1 when something fails, 2 for wrong usage.
int run_bench_prefill(const BenchPrefillOptions& options, std::ostream& out, std::ostream& err);

}  // namespace rosenblatt::cli
