// SPDX-License-Identifier: MIT
#include "ggml/tile_store.hpp"

#include <algorithm>
#include <cerrno>

#include "ggml/log_sink.hpp"
#include "matmul/half_kernels.hpp"

namespace rosenblatt::ggml {
namespace {

// The memory behind the row source is the tensor's own: a write to it drops the tiles first.
matmul::RowSource rows_of(const ggml_tensor& weight, int64_t i2, int64_t i3) {
    const auto* base = static_cast<const std::byte*>(weight.data) +
                       static_cast<size_t>(i2) * weight.nb[2] +
                       static_cast<size_t>(i3) * weight.nb[3];
    return row_source(weight.type, base, weight.nb[1], weight.ne[0]);
}

bool is_out_of_memory(const Error& error) {
    return error.code == ENOMEM || error.code == ENOSPC || error.code == EOVERFLOW;
}

// A matrix whose bytes stand together in a buffer of weights, and is worth a file.
bool goes_to_cache(const ggml_tensor& weight) {
    constexpr size_t k_least_bytes = size_t{1} << 16;
    const ggml_tensor& leaf = weight.view_src ? *weight.view_src : weight;
    return leaf.buffer && leaf.buffer->usage == GGML_BACKEND_BUFFER_USAGE_WEIGHTS &&
           ggml_is_contiguous(&weight) && weight.nb[2] >= k_least_bytes;
}

}  // namespace

matmul::RowSource row_source(ggml_type type, const std::byte* base, size_t stride, int64_t k) {
    if (type == GGML_TYPE_F16) {  // ggml-base's own goes element by element
        const auto to_float = matmul::half_kernels().to_float;
        return [=](int64_t n, float* row) {
            const std::byte* at = base + static_cast<size_t>(n) * stride;
            to_float(reinterpret_cast<const uint16_t*>(at), static_cast<size_t>(k), row);
        };
    }
    const auto to_float = ggml_get_type_traits(type)->to_float;
    return [=](int64_t n, float* row) {
        to_float(base + static_cast<size_t>(n) * stride, row, k);
    };
}

bool can_dequantise(ggml_type type) {
    const bool weight = ggml_is_quantized(type) || type == GGML_TYPE_F16 || type == GGML_TYPE_BF16;
    return weight && ggml_get_type_traits(type)->to_float;
}

bool TileStore::keeps(const ggml_tensor& weight) {
    return !weight.view_src || weight.view_src->buffer->usage == GGML_BACKEND_BUFFER_USAGE_WEIGHTS;
}

TileStore::Found TileStore::find_or_pack(matmul::Device& device, const ggml_tensor& weight,
                                         Matrices wanted, Pipeline pipeline, double benefit,
                                         const matmul::ParallelFor& parallel_for) {
    std::lock_guard lock(mutex_);
    Entry unkept;
    const auto [entry, added] =
        keeps(weight) ? entries_.find_or_add(weight) : std::pair<Entry*, bool>{&unkept, true};
    if (added) {
        entry->tiles = std::make_shared<Tiles>();
        entry->tiles->matrices.resize(static_cast<size_t>(weight.ne[2] * weight.ne[3]));
        entry->benefit = benefit;
    }
    if (entry->tiles) pack_missing(device, weight, wanted, pipeline, parallel_for, *entry);
    return {entry->tiles, entry->refusal};
}

Result<void> TileStore::pack_matrix(matmul::Device& device, const ggml_tensor& weight,
                                    int64_t matrix, Pipeline pipeline,
                                    const matmul::ParallelFor& parallel_for,
                                    std::unique_ptr<matmul::Weights>& packed) {
    const std::span bytes(static_cast<const std::byte*>(weight.data) +
                              static_cast<size_t>(matrix) * weight.nb[2],
                          weight.nb[2]);
    bool loaded = false;
    PackedCache::Key key;
    const matmul::WeightShelf shelf{
        [&](const std::string& layout, const PackedCache::Parts& parts) {
            key = PackedCache::key_of(bytes, ggml_type_name(weight.type) + (" " + layout),
                                      parallel_for);
            const auto found = cache_.load(key, parts, parallel_for);
            if (found == PackedCache::Loaded::Unusable && broken_files_++ == 0)
                first_broken_file_ = cache_.path_of(key);
            return loaded = found == PackedCache::Loaded::Yes;
        },
        [&](const std::string&, const PackedCache::Parts& parts) {
            cache_.store(key, parts, parallel_for);
        }};
    const bool cached = cache_.on() && goes_to_cache(weight);
    auto made = pack(device, {weight.ne[1], weight.ne[0]},
                     rows_of(weight, matrix % weight.ne[2], matrix / weight.ne[2]), pipeline,
                     parallel_for, cached ? &shelf : nullptr);
    if (!made) return made.error();
    ++(loaded ? from_cache_ : from_weight_);
    packed = std::move(*made);
    return {};
}

void TileStore::pack_missing(matmul::Device& device, const ggml_tensor& weight, Matrices wanted,
                             Pipeline pipeline, const matmul::ParallelFor& parallel_for,
                             Entry& entry) {
    for (const int64_t matrix : wanted) {
        auto& place = entry.tiles->matrices[static_cast<size_t>(matrix)];
        while (!place) {
            const auto packed = pack_matrix(device, weight, matrix, pipeline, parallel_for, place);
            if (packed) continue;
            const Error& error = packed.error();
            if (!is_out_of_memory(error)) {
                warn_once(error.message);
                return entry.refuse(error.code == ENOTSUP ? Refusal::Pipeline
                                                          : Refusal::WeightValues);
            }
            if (memory_error_.empty()) memory_error_ = error.message;
            if (!evict_below(entry.benefit)) return entry.refuse(Refusal::NoMemory);
        }
    }
}

// Frees the least useful tiles if they are less useful than what wants their place.
bool TileStore::evict_below(double benefit) {
    Entry* least = nullptr;
    entries_.for_each([&](Entry& entry) {
        if (entry.tiles && entry.benefit < benefit && (!least || entry.benefit < least->benefit))
            least = &entry;
    });
    if (!least) return false;
    least->refuse(Refusal::NoMemory);
    ++evicted_;
    return true;
}

void TileStore::drop(const void* begin, size_t bytes) {
    std::lock_guard lock(mutex_);
    entries_.erase_overlapping(address(begin), bytes);
}

void TileStore::drop_for_operation(const ggml_tensor& result) {
    std::lock_guard lock(mutex_);
    if (result.view_src && result.view_src->op == GGML_OP_NONE)
        written_.insert(address(result.view_src->data));
    entries_.erase_overlapping(address(result.data), ggml_nbytes(&result));
}

void TileStore::forget(const void* begin, size_t bytes) {
    std::lock_guard lock(mutex_);
    entries_.erase_overlapping(address(begin), bytes);
    written_.erase(written_.lower_bound(address(begin)),
                   written_.lower_bound(address(begin) + bytes));
}

bool TileStore::is_written(const ggml_tensor& weight) const {
    std::lock_guard lock(mutex_);
    return written_.contains(address((weight.view_src ? weight.view_src : &weight)->data));
}

TileStore::Count TileStore::count() const {
    std::lock_guard lock(mutex_);
    Count count;
    count.evicted = evicted_;
    count.from_cache = from_cache_;
    count.from_weight = from_weight_;
    entries_.for_each([&](const Entry& entry) {
        if (entry.tiles) ++count.packed;
        if (!entry.tiles && entry.refusal == Refusal::NoMemory) ++count.out_of_memory;
    });
    return count;
}

std::string TileStore::memory_error() const {
    std::lock_guard lock(mutex_);
    return memory_error_;
}

std::string TileStore::broken_files() const {
    std::lock_guard lock(mutex_);
    if (broken_files_ == 0) return {};
    if (broken_files_ == 1)
        return first_broken_file_ + " is broken or not a file of ours; its weight is packed again.";
    return first_broken_file_ + " and " + std::to_string(broken_files_ - 1) +
           " more of its folder are broken or not files of ours; their weights are packed again.";
}

}  // namespace rosenblatt::ggml
