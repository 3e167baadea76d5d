// SPDX-License-Identifier: MIT
// The head of a GGUF file: what tensors it has, and its scalar metadata. No tensor data is read.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace rosenblatt::cli {

struct GgufTensor {
    std::string name;
    std::vector<uint64_t> dims;  ///< 1 to 4, fastest first: K, N, experts
    uint32_t type = 0;           ///< ggml_type
};

struct Gguf {
    std::map<std::string, uint64_t> numbers;  ///< unsigned and non-negative integers
    std::map<std::string, std::string> texts;
    std::vector<GgufTensor> tensors;
    uint64_t file_bytes = 0;
};

/// Errors name the file and what is wrong with it; nothing in the file is trusted.
Result<Gguf> read_gguf(const std::string& path);

}  // namespace rosenblatt::cli
