// SPDX-License-Identifier: MIT
#include "ggml/counters.hpp"

#include <cstdio>

namespace rosenblatt::ggml {
namespace {

// llama.cpp names the weights of layer 7 "blk.7.…".
uint64_t layers_up_to(const ggml_tensor& weight) {
    unsigned layer = 0;
    return std::sscanf(weight.name, "blk.%u.", &layer) == 1 ? uint64_t{layer} + 1 : 0;
}

}  // namespace

void Counters::count_npu(const ggml_tensor& node) {
    ++npu_nodes;
    npu_macs += mul_mat_macs(node);
    const uint64_t depth = layers_up_to(*node.src[0]);
    uint64_t known = layers;
    while (depth > known && !layers.compare_exchange_weak(known, depth)) {
    }
}

}  // namespace rosenblatt::ggml
