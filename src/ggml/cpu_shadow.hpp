// SPDX-License-Identifier: MIT
// Shadows: copies of weights in the layouts that ggml's CPU backend multiplies fastest.
//
// Without us llama.cpp puts weights into the CPU device's "extra" buffer types, which repack them
// for its fastest kernels. Our buffers hold the plain bytes of the file, so that the CPU would
// multiply by slower kernels: 10 % in decoding with Q4_K, nearly half in prefill.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "ggml/api.hpp"
#include "ggml/tensor_map.hpp"
#include "ggml/tile_store.hpp"

namespace rosenblatt::ggml {

class Shadow {
  public:
    /// nullptr: ggml's CPU backend has no better layout for this weight as src0 of MUL_MAT (two
    /// dimensions) or MUL_MAT_ID (three), or there is no memory.
    static std::shared_ptr<Shadow> make(const ggml_tensor& weight);
    ~Shadow();
    Shadow(const Shadow&) = delete;
    Shadow& operator=(const Shadow&) = delete;

    /// What stands for the weight in the CPU backend's graphs.
    ggml_tensor* tensor() const { return tensor_; }
    size_t bytes() const { return bytes_; }

  private:
    Shadow(ggml_context* context, ggml_backend_buffer_t buffer, ggml_tensor* tensor, size_t bytes)
        : context_(context), buffer_(buffer), tensor_(tensor), bytes_(bytes) {}

    ggml_context* context_;
    ggml_backend_buffer_t buffer_;
    ggml_tensor* tensor_;
    size_t bytes_;
};

/// Thread-safe. Shadows in use stay alive, whoever drops them.
class Shadows {
  public:
    /// Made at the first call for a weight; nullptr where there is none to be had.
    std::shared_ptr<const Shadow> find_or_make(const ggml_tensor& weight);
    /// nullptr where none was made.
    std::shared_ptr<const Shadow> find(const ggml_tensor& weight) const;
    /// Memory [begin, begin + bytes) is about to be written or freed.
    void drop(const void* begin, size_t bytes);
    uint64_t bytes() const;

  private:
    struct Entry {
        std::shared_ptr<const Shadow> shadow;
    };
    mutable std::mutex mutex_;
    TensorMap<Entry> entries_;
};

/// While it lives, the matmuls among nodes [begin, end) read the shadows of their weights. Weights
/// that operations write have none.
class ShadowedNodes {
  public:
    ShadowedNodes(const ggml_cgraph& graph, int begin, int end, Shadows& shadows,
                  const TileStore& tiles);
    ~ShadowedNodes();
    ShadowedNodes(const ShadowedNodes&) = delete;
    ShadowedNodes& operator=(const ShadowedNodes&) = delete;

  private:
    struct Changed {
        ggml_tensor* node;
        ggml_tensor* weight;
        std::shared_ptr<const Shadow> shadow;
    };
    std::vector<Changed> changed_;
};

}  // namespace rosenblatt::ggml
