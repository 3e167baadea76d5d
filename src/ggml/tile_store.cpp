// SPDX-License-Identifier: MIT
#include "ggml/tile_store.hpp"

#include <algorithm>
#include <cerrno>

#include "ggml/log_sink.hpp"

namespace rosenblatt::ggml {
namespace {

uintptr_t address(const void* pointer) {
    return reinterpret_cast<uintptr_t>(pointer);
}

// The memory behind the row source is the tensor's own: a write to it drops the tiles first.
matmul::RowSource rows_of(const ggml_tensor& weight, int64_t i2, int64_t i3) {
    const auto* base = static_cast<const std::byte*>(weight.data) +
                       static_cast<size_t>(i2) * weight.nb[2] +
                       static_cast<size_t>(i3) * weight.nb[3];
    const auto to_float = ggml_get_type_traits(weight.type)->to_float;
    return [base, to_float, stride = weight.nb[1], k = weight.ne[0]](int64_t n, float* row) {
        to_float(base + static_cast<size_t>(n) * stride, row, k);
    };
}

bool is_out_of_memory(const Error& error) {
    return error.code == ENOMEM || error.code == ENOSPC || error.code == EOVERFLOW;
}

Result<std::shared_ptr<const Tiles>> pack_tensor(matmul::Device& device, const ggml_tensor& weight,
                                                 Pipeline pipeline,
                                                 const matmul::ParallelFor& parallel_for) {
    auto tiles = std::make_shared<Tiles>();
    const matmul::WeightShape shape{weight.ne[1], weight.ne[0]};
    for (int64_t i3 = 0; i3 < weight.ne[3]; ++i3)
        for (int64_t i2 = 0; i2 < weight.ne[2]; ++i2) {
            auto packed = pack(device, shape, rows_of(weight, i2, i3), pipeline, parallel_for);
            if (!packed) return packed.error();
            tiles->bo_bytes += (*packed)->bo_bytes();
            tiles->matrices.push_back(std::move(*packed));
        }
    return std::shared_ptr<const Tiles>(std::move(tiles));
}

}  // namespace

bool can_dequantise(ggml_type type) {
    const bool weight = ggml_is_quantized(type) || type == GGML_TYPE_F16 || type == GGML_TYPE_BF16;
    return weight && ggml_get_type_traits(type)->to_float;
}

TileStore::Key::Key(const ggml_tensor& weight) : data(address(weight.data)), type(weight.type) {
    std::copy_n(weight.ne, ne.size(), ne.begin());
    std::copy_n(weight.nb, nb.size(), nb.begin());
}

bool TileStore::keeps(const ggml_tensor& weight) {
    return !weight.view_src || weight.view_src->buffer->usage == GGML_BACKEND_BUFFER_USAGE_WEIGHTS;
}

TileStore::Found TileStore::find_or_pack(matmul::Device& device, const ggml_tensor& weight,
                                         Pipeline pipeline, double benefit,
                                         const matmul::ParallelFor& parallel_for) {
    std::lock_guard lock(mutex_);
    if (!keeps(weight)) return pack(device, weight, pipeline, benefit, parallel_for);
    const Key key(weight);
    if (const auto known = entries_.find(key); known != entries_.end()) return known->second.found;
    Found found = pack(device, weight, pipeline, benefit, parallel_for);
    entries_.emplace(key, Entry{found, ggml_nbytes(&weight), benefit});
    longest_ = std::max(longest_, ggml_nbytes(&weight));
    return found;
}

TileStore::Found TileStore::pack(matmul::Device& device, const ggml_tensor& weight,
                                 Pipeline pipeline, double benefit,
                                 const matmul::ParallelFor& parallel_for) {
    for (;;) {
        auto packed = pack_tensor(device, weight, pipeline, parallel_for);
        if (packed) return {std::move(*packed), {}};
        if (!is_out_of_memory(packed.error())) {
            warn_once(packed.error().message);
            const bool unsupported = packed.error().code == ENOTSUP;
            return {nullptr, unsupported ? Refusal::Pipeline : Refusal::WeightValues};
        }
        if (memory_error_.empty()) memory_error_ = packed.error().message;
        if (evict_below(benefit)) continue;
        return {nullptr, Refusal::NoMemory};
    }
}

// Frees the least useful tiles if they are less useful than what wants their place.
bool TileStore::evict_below(double benefit) {
    auto least = entries_.end();
    for (auto it = entries_.begin(); it != entries_.end(); ++it)
        if (it->second.found.tiles && it->second.benefit < benefit &&
            (least == entries_.end() || it->second.benefit < least->second.benefit))
            least = it;
    if (least == entries_.end()) return false;
    least->second.found = {nullptr, Refusal::NoMemory};
    ++evicted_;
    return true;
}

void TileStore::drop(const void* begin, size_t bytes) {
    std::lock_guard lock(mutex_);
    drop_locked(address(begin), bytes);
}

void TileStore::drop_for_operation(const ggml_tensor& result) {
    std::lock_guard lock(mutex_);
    if (result.view_src && result.view_src->op == GGML_OP_NONE)
        written_.insert(address(result.view_src->data));
    drop_locked(address(result.data), ggml_nbytes(&result));
}

void TileStore::forget(const void* begin, size_t bytes) {
    std::lock_guard lock(mutex_);
    drop_locked(address(begin), bytes);
    written_.erase(written_.lower_bound(address(begin)),
                   written_.lower_bound(address(begin) + bytes));
}

bool TileStore::is_written(const ggml_tensor& weight) const {
    std::lock_guard lock(mutex_);
    return written_.contains(address((weight.view_src ? weight.view_src : &weight)->data));
}

void TileStore::drop_locked(uintptr_t begin, size_t bytes) {
    Key first;  // the least of all keys at its address
    first.data = begin - std::min<uintptr_t>(begin, longest_);
    auto it = entries_.lower_bound(first);
    while (it != entries_.end() && it->first.data < begin + bytes)
        it = it->first.data + it->second.bytes > begin ? entries_.erase(it) : std::next(it);
}

TileStore::Count TileStore::count() const {
    std::lock_guard lock(mutex_);
    Count count;
    count.evicted = evicted_;
    for (const auto& [key, entry] : entries_) {
        if (entry.found.tiles) ++count.packed;
        if (!entry.found.tiles && entry.found.refusal == Refusal::NoMemory) ++count.out_of_memory;
    }
    return count;
}

std::string TileStore::memory_error() const {
    std::lock_guard lock(mutex_);
    return memory_error_;
}

}  // namespace rosenblatt::ggml
