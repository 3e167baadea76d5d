// SPDX-License-Identifier: MIT
// What matmuls a model's prefill gives the NPU, from its name or from its GGUF file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "compile/plan.hpp"

namespace rosenblatt::cli {

struct ModelMatmul {
    std::string name;  ///< the tensors' common name, "attn_q"
    compile::MatmulShape shape;
    uint32_t count = 0;  ///< matmuls per prefill
    uint32_t tensors =
        0;  ///< matrices to pack; more than `count` where a layer's last rows are skipped
};

struct ModelShape {
    std::string name;
    uint32_t prefill = 0;
    std::vector<ModelMatmul> matmuls = {};
    double attention_macs = 0;  ///< on the CPU
    uint64_t file_bytes = 0;    ///< 0: no file
};

/// Errors: an unknown name (the message lists the known ones).
Result<ModelShape> named_model(const std::string& name, uint32_t prefill);

/// Errors: the file cannot be read or is broken, or no tensor in it is one for the NPU.
Result<ModelShape> gguf_model(const std::string& path, uint32_t prefill);

}  // namespace rosenblatt::cli
