// SPDX-License-Identifier: MIT
// TileStore: the NPU's tiles of the weights that stand in our ggml buffers, packed once, found by
// the address of the tensor's data, dropped when that memory is written or freed.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/options.hpp"
#include "ggml/api.hpp"
#include "ggml/outliers.hpp"
#include "ggml/packed_cache.hpp"
#include "ggml/refusal.hpp"
#include "ggml/tensor_map.hpp"
#include "matmul/device.hpp"
#include "matmul/weights.hpp"

namespace rosenblatt::ggml {

/// Rows of K floats of a matrix whose rows lie `stride` bytes apart from `base` on; that memory
/// outlives the source.
matmul::RowSource row_source(ggml_type type, const std::byte* base, size_t stride, int64_t k);

/// A row of this type can be turned into floats, and is worth keeping as int8 or fp16 tiles.
bool can_dequantise(ggml_type type);

/// One tensor's tiles: its ne[2] * ne[3] matrices, i2 fastest. Null: not asked for yet, as an
/// expert that no row has met.
struct Tiles {
    std::vector<std::unique_ptr<matmul::Weights>> matrices;
    mutable WeightColumns columns;
};

/// Indices into Tiles::matrices.
using Matrices = std::span<const int64_t>;

/// Thread-safe. Tiles in use by a computation stay alive until it ends, whoever drops them.
class TileStore {
  public:
    struct Found {
        std::shared_ptr<const Tiles> tiles;  ///< null: refused
        Refusal refusal = Refusal::NoDevice;
    };

    /// From now on tiles of weights (in buffers marked so) come from `cache` and go there.
    void set_cache(PackedCache cache) { cache_ = std::move(cache); }

    /// May tiles of this weight be kept for its next use? Not those of a view into memory that is
    /// not marked as weights: another backend may write there unseen.
    static bool keeps(const ggml_tensor& weight);

    /// The tiles of `weight`; those of the matrices in `wanted` are packed now if need be.
    /// `benefit` says how much a byte of them is worth: when memory is used up, tiles of less
    /// benefit make room.
    Found find_or_pack(matmul::Device& device, const ggml_tensor& weight, Matrices wanted,
                       Pipeline pipeline, double benefit, const matmul::ParallelFor& parallel_for);

    /// Memory [begin, begin + bytes) is about to be written.
    void drop(const void* begin, size_t bytes);
    /// The same, by an operation, which will do it again in the next graph; see is_written.
    void drop_for_operation(const ggml_tensor& result);
    /// The same, because the memory is freed.
    void forget(const void* begin, size_t bytes);
    /// True when operations write into the leaf behind `weight`.
    bool is_written(const ggml_tensor& weight) const;

    struct Count {
        size_t packed = 0;
        size_t from_cache = 0;  ///< matrices, ever
        size_t from_weight = 0;
        size_t evicted = 0;
        size_t out_of_memory = 0;
    };
    Count count() const;
    /// What packing said when memory first ran out; empty if it never did.
    std::string memory_error() const;
    /// One sentence about all files of the cache that were of no use; empty if there were none.
    std::string broken_files() const;

  private:
    struct Entry {
        std::shared_ptr<Tiles> tiles;  // null: refused
        Refusal refusal = Refusal::NoDevice;
        double benefit = 0;

        void refuse(Refusal reason) {
            tiles.reset();
            refusal = reason;
        }
    };

    Result<void> pack_matrix(matmul::Device& device, const ggml_tensor& weight, int64_t matrix,
                             Pipeline pipeline, const matmul::ParallelFor& parallel_for,
                             std::unique_ptr<matmul::Weights>& packed);
    void pack_missing(matmul::Device& device, const ggml_tensor& weight, Matrices wanted,
                      Pipeline pipeline, const matmul::ParallelFor& parallel_for, Entry& entry);
    bool evict_below(double benefit);

    mutable std::mutex mutex_;
    TensorMap<Entry> entries_;
    std::set<uintptr_t> written_;  // leaves that operations write into
    size_t evicted_ = 0;
    PackedCache cache_;
    size_t from_cache_ = 0;
    size_t from_weight_ = 0;
    size_t broken_files_ = 0;
    std::string first_broken_file_;
    std::string memory_error_;
};

}  // namespace rosenblatt::ggml
