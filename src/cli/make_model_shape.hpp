// SPDX-License-Identifier: MIT
// The shapes make-model knows: which tensors such a model has, on which scale their values lie, and
// the metadata by which llama.cpp recognises it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace rosenblatt::cli {

enum class NewType : uint32_t { F32 = 0, F16 = 1 };  ///< ggml_type

/// Values are normally distributed: mean and deviation.
struct NewTensor {
    std::string name;
    std::vector<uint64_t> dims;  ///< fastest first: K, N, experts
    NewType type = NewType::F16;
    float mean = 0;
    float deviation = 0;

    uint64_t elements() const;
    uint64_t bytes() const { return elements() * (type == NewType::F16 ? 2 : 4); }
};

using NewValue = std::variant<uint32_t, float, bool, std::string>;

struct NewModel {
    std::string tokenizer;  ///< tokenizer.ggml.model it needs; empty: any of a generating model
    std::vector<std::pair<std::string, NewValue>> metadata;
    std::vector<NewTensor> tensors;

    uint64_t elements() const;
};

std::vector<std::string> new_model_shapes();

/// `layers` 0: as many as the shape has. Errors: an unknown name; the message lists the known ones.
Result<NewModel> new_model(const std::string& shape, uint64_t tokens, uint32_t layers);

}  // namespace rosenblatt::cli
