// SPDX-License-Identifier: MIT
// `rosenblatt bench emulator`: how fast the emulated NPU multiplies, beside ggml's CPU backend.
#pragma once

#include <iosfwd>
#include <string>

namespace rosenblatt::cli {

struct BenchEmulatorOptions {
    int threads = 0;   ///< 0: every CPU this process may use
    int rounds = 5;    ///< of each shape at least, emulator and baseline in turn; the best counts
    std::string only;  ///< only lines whose name holds this
    std::string llama;
    bool json = false;
};

/// Returns 0, 1 when something fails, 2 for wrong usage. Without llama.cpp lines have no baseline.
int run_bench_emulator(const BenchEmulatorOptions& options, std::ostream& out, std::ostream& err);

}  // namespace rosenblatt::cli
