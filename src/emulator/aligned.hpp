// SPDX-License-Identifier: MIT
// Memory in whole cache lines: vectors loaded from it never straddle two.
#pragma once

#include <cstddef>
#include <vector>

#include "base/bits.hpp"

namespace rosenblatt::emulator {

/// Grows and is overwritten; contents do not survive growing.
template <typename T>
class CacheLines {
  public:
    void resize(size_t count) {
        const size_t lines = div_round_up(count * sizeof(T), sizeof(Line));
        if (lines > lines_.size()) lines_ = std::vector<Line>(lines);
    }
    T* data() { return reinterpret_cast<T*>(lines_.data()); }
    const T* data() const { return reinterpret_cast<const T*>(lines_.data()); }

  private:
    struct alignas(64) Line {
        std::byte bytes[64];
    };
    std::vector<Line> lines_;
};

}  // namespace rosenblatt::emulator
