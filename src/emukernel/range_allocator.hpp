// SPDX-License-Identifier: MIT
// RangeAllocator: places ranges in an address window as the kernel's drm_mm does in best-fit mode.
// Used for IOVAs (one window per open file) and for mmap offsets (one window per device).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <tuple>

namespace rosenblatt::emukernel {

class RangeAllocator {
  public:
    /// The window [start, start + length).
    RangeAllocator(uint64_t start, uint64_t length);

    /// Takes the start of the smallest hole that holds `size` bytes at a multiple of `alignment`;
    /// of equally large holes the one that came into being last. Nothing for size 0 or without a
    /// hole.
    std::optional<uint64_t> insert(uint64_t size, uint64_t alignment);

    /// Gives back a range that insert answered; neighbouring holes join.
    void remove(uint64_t start);

    bool begins_at(uint64_t start) const { return used_.contains(start); }

  private:
    struct Hole {
        uint64_t length;
        uint64_t age_key;  ///< larger is older
    };
    using HoleOrder = std::set<std::tuple<uint64_t, uint64_t, uint64_t>>;  // length, age_key, start

    void add_hole(uint64_t start, uint64_t length);
    void remove_hole(std::map<uint64_t, Hole>::iterator hole);

    std::map<uint64_t, uint64_t> used_;  // start, length
    std::map<uint64_t, Hole> holes_;     // by start
    HoleOrder by_length_;
    uint64_t next_age_key_ = UINT64_MAX;
};

}  // namespace rosenblatt::emukernel
