// SPDX-License-Identifier: MIT
// TensorMap: what was made of tensors' data, found by where the data stands and how it is laid out,
// given up when that memory is written.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <utility>

#include "ggml/api.hpp"

namespace rosenblatt::ggml {

inline uintptr_t address(const void* pointer) {
    return reinterpret_cast<uintptr_t>(pointer);
}

/// Not thread-safe.
template <typename Entry>
class TensorMap {
  public:
    /// The entry of this tensor, and whether it was made now, empty.
    std::pair<Entry*, bool> find_or_add(const ggml_tensor& tensor) {
        const auto [it, added] = entries_.try_emplace(Key(tensor));
        if (added) it->second.bytes = ggml_nbytes(&tensor);
        longest_ = std::max(longest_, it->second.bytes);
        return {&it->second.entry, added};
    }

    /// nullptr: none.
    const Entry* find(const ggml_tensor& tensor) const {
        const auto it = entries_.find(Key(tensor));
        return it == entries_.end() ? nullptr : &it->second.entry;
    }

    /// Memory [begin, begin + bytes) changes.
    void erase_overlapping(uintptr_t begin, size_t bytes) {
        Key first;  // the least of all keys at its address
        first.data = begin - std::min<uintptr_t>(begin, longest_);
        auto it = entries_.lower_bound(first);
        while (it != entries_.end() && it->first.data < begin + bytes)
            it = it->first.data + it->second.bytes > begin ? entries_.erase(it) : std::next(it);
    }

    template <typename Visit>
    void for_each(const Visit& visit) {
        for (auto& [key, slot] : entries_) visit(slot.entry);
    }
    template <typename Visit>
    void for_each(const Visit& visit) const {
        for (const auto& [key, slot] : entries_) visit(slot.entry);
    }

  private:
    // What a tensor must have in common with the one that the entry was made of.
    struct Key {
        uintptr_t data = 0;
        ggml_type type = GGML_TYPE_F32;
        std::array<int64_t, GGML_MAX_DIMS> ne{};
        std::array<size_t, GGML_MAX_DIMS> nb{};

        Key() = default;
        explicit Key(const ggml_tensor& tensor) : data(address(tensor.data)), type(tensor.type) {
            std::copy_n(tensor.ne, ne.size(), ne.begin());
            std::copy_n(tensor.nb, nb.size(), nb.begin());
        }
        auto operator<=>(const Key&) const = default;
    };

    struct Slot {
        Entry entry;
        size_t bytes = 0;  // from Key::data
    };

    std::map<Key, Slot> entries_;  // by address first
    size_t longest_ = 0;           // of all slots: how far before an address one may begin
};

}  // namespace rosenblatt::ggml
