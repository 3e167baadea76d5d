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
    uint64_t offset = 0;         ///< of its data, from Gguf::data_begin
};

/// Where a piece of metadata lies in the file: key, type and value, ready to be copied as it is.
struct GgufEntry {
    std::string key;
    uint64_t begin = 0, end = 0;
    uint64_t items = 0;  ///< of an array; 0 for a scalar or a text
};

struct Gguf {
    std::map<std::string, uint64_t> numbers;  ///< unsigned and non-negative integers
    std::map<std::string, std::string> texts;
    std::vector<GgufEntry> entries;  ///< all metadata, in the file's order
    std::vector<GgufTensor> tensors;
    uint64_t file_bytes = 0;
    uint64_t data_begin = 0;  ///< where tensor data begin in the file
};

/// Errors name the file and what is wrong with it; nothing in the file is trusted.
Result<Gguf> read_gguf(const std::string& path);

}  // namespace rosenblatt::cli
