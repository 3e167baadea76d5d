// SPDX-License-Identifier: MIT
#include "emukernel/address_space.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/bits.hpp"

namespace rosenblatt::emukernel {
namespace {

constexpr uint64_t k_aperture = 1ull << 32;
// The driver stores the mapped length in an int and takes a negative one for an error.
constexpr uint64_t k_length_overflow = 1ull << 31;

}  // namespace

AddressSpace::AddressSpace() : allocator_(0, k_aperture) {}

bool AddressSpace::left_behind(uint64_t begin, uint64_t end) const {
    return std::any_of(left_behind_.begin(), left_behind_.end(), [&](const PageRange& range) {
        return begin < range.end && range.begin < end;
    });
}

int AddressSpace::map(uint32_t size, std::shared_ptr<HostMemory> memory, uint32_t* iova) {
    std::lock_guard lock(mutex_);
    const auto begin = allocator_.insert(size, k_page);
    if (!begin) return -ENOSPC;
    const uint64_t length = align_up<uint64_t>(size, k_page);
    const bool occupied = left_behind(*begin, *begin + length);
    if (occupied || length >= k_length_overflow || !memory) {
        // The address goes back, but nobody unmaps what the overflowed length had mapped.
        if (!occupied && length >= k_length_overflow)
            left_behind_.push_back({*begin, *begin + length});
        allocator_.remove(*begin);
        return -ENOMEM;
    }
    *iova = static_cast<uint32_t>(*begin);
    mapped_[*iova] = std::move(memory);
    snapshot_.reset();
    return 0;
}

void AddressSpace::unmap(uint32_t iova) {
    std::lock_guard lock(mutex_);
    mapped_.erase(iova);
    allocator_.remove(iova);
    snapshot_.reset();
}

std::shared_ptr<const IovaMap> AddressSpace::mappings() {
    std::lock_guard lock(mutex_);
    if (!snapshot_) {
        IovaMap ranges;
        ranges.reserve(mapped_.size());
        for (const auto& [iova, memory] : mapped_)
            ranges.push_back({iova, iova + memory->bytes().size(), memory});
        snapshot_ = std::make_shared<const IovaMap>(std::move(ranges));
    }
    return snapshot_;
}

}  // namespace rosenblatt::emukernel
