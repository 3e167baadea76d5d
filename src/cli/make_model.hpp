// SPDX-License-Identifier: MIT
// `rosenblatt make-model`: a GGUF of a known shape with random weights and a real vocabulary, for
// speed and memory, where what the model says does not matter.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>

namespace rosenblatt::cli {

struct MakeModelOptions {
    std::string shape;
    std::string vocabulary;  ///< a GGUF whose tokenizer is copied
    std::string output;
    uint64_t seed = 1;
    std::optional<uint32_t> layers;   ///< without: as the shape has
    std::optional<unsigned> threads;  ///< without: all
};

/// Results on `out`, complaints on `err`. Returns 0, 1 without a file, 2 for wrong usage.
int run_make_model(const MakeModelOptions& options, std::ostream& out, std::ostream& err);

}  // namespace rosenblatt::cli
