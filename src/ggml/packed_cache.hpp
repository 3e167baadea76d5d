// SPDX-License-Identifier: MIT
// PackedCache: weights as the NPU reads them, kept in files between runs, one file a matrix.
//
// A file is named by what it was made of: a hash of the weight's own bytes and of everything else
// that decides how it is packed. So it never has to be looked up by model or name, two models may
// share it, and one made by another version is simply never found. A head and a hash of the content
// tell a broken file; it is made anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "matmul/parallel.hpp"

namespace rosenblatt::ggml {

class PackedCache {
  public:
    /// Pieces of memory that a file holds one after the other.
    using Parts = std::vector<std::span<std::byte>>;

    struct Key {
        uint64_t low = 0, high = 0;

        bool operator==(const Key& other) const = default;
        std::string text() const;
    };

    PackedCache() = default;  ///< keeps nothing
    PackedCache(std::string folder, uint64_t max_bytes)
        : folder_(std::move(folder)), max_bytes_(max_bytes) {}

    bool on() const { return !folder_.empty(); }

    /// `layout` names what else the packed bytes depend on.
    static Key key_of(std::span<const std::byte> weight, const std::string& layout,
                      const matmul::ParallelFor& parallel_for);

    enum class Loaded {
        Yes,       ///< all parts hold what was stored
        NotThere,  ///< no such file
        Unusable,  ///< broken, or not one of ours. The parts hold anything
    };
    Loaded load(const Key& key, const Parts& parts, const matmul::ParallelFor& parallel_for) const;

    /// Files that were used longest ago make room. Failing to is no fault.
    void store(const Key& key, const Parts& parts, const matmul::ParallelFor& parallel_for) const;

    std::string path_of(const Key& key) const;

  private:
    bool make_room(uint64_t bytes) const;

    std::string folder_;
    uint64_t max_bytes_ = 0;
};

}  // namespace rosenblatt::ggml
