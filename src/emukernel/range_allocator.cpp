// SPDX-License-Identifier: MIT
#include "emukernel/range_allocator.hpp"

#include "base/assert.hpp"
#include "base/bits.hpp"

namespace rosenblatt::emukernel {

RangeAllocator::RangeAllocator(uint64_t start, uint64_t length) {
    add_hole(start, length);
}

std::optional<uint64_t> RangeAllocator::insert(uint64_t size, uint64_t alignment) {
    if (size == 0) return std::nullopt;
    for (auto candidate = by_length_.lower_bound({size, 0, 0}); candidate != by_length_.end();
         ++candidate) {
        const auto [length, age, begin] = *candidate;
        const uint64_t start = align_up(begin, alignment);
        if (start - begin > length - size) continue;  // no room once aligned
        remove_hole(holes_.find(begin));
        if (start > begin) add_hole(begin, start - begin);
        if (begin + length > start + size) add_hole(start + size, begin + length - start - size);
        used_[start] = size;
        return start;
    }
    return std::nullopt;
}

void RangeAllocator::remove(uint64_t start) {
    const auto range = used_.find(start);
    RB_ASSERT(range != used_.end(), "no range starts at %llx",
              static_cast<unsigned long long>(start));
    uint64_t end = start + range->second;
    used_.erase(range);

    if (const auto after = holes_.find(end); after != holes_.end()) {
        end += after->second.length;
        remove_hole(after);
    }
    auto before = holes_.lower_bound(start);
    if (before != holes_.begin() && (--before)->first + before->second.length == start) {
        start = before->first;
        remove_hole(before);
    }
    add_hole(start, end - start);
}

void RangeAllocator::add_hole(uint64_t start, uint64_t length) {
    const uint64_t age_key = next_age_key_--;
    holes_[start] = {length, age_key};
    by_length_.emplace(length, age_key, start);
}

void RangeAllocator::remove_hole(std::map<uint64_t, Hole>::iterator hole) {
    by_length_.erase({hole->second.length, hole->second.age_key, hole->first});
    holes_.erase(hole);
}

}  // namespace rosenblatt::emukernel
