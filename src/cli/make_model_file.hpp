// SPDX-License-Identifier: MIT
// Writes a NewModel as GGUF: the head at once, the random values by many threads straight to their
// places, so that memory does not grow with the model.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "cli/make_model_shape.hpp"

namespace rosenblatt::cli {

/// All of a vocabulary file that begins with "tokenizer.", as bytes to be copied.
struct Tokenizer {
    std::string model;  ///< tokenizer.ggml.model: "gpt2" (BPE), "llama" (SPM), "bert" ...
    uint64_t tokens = 0;
    uint64_t entries = 0;
    std::string bytes;
};

/// Errors: the file cannot be read, or holds no tokens.
Result<Tokenizer> read_tokenizer(const std::string& path);

/// `tensor`'s values from `first` on, `count` of them, as they lie in the file. A function of its
/// arguments alone: threads and their number change nothing.
std::string random_values(const NewTensor& tensor, uint64_t stream, uint64_t first, uint64_t count);

/// Writes to a file in the folder of `path` that gets its name when it is whole. Gives its size in
/// bytes.
Result<uint64_t> write_model(const std::string& path, const NewModel& model,
                             const Tokenizer& tokenizer, uint64_t seed, unsigned threads);

}  // namespace rosenblatt::cli
