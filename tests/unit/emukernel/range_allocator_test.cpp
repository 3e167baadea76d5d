// SPDX-License-Identifier: MIT
#include "emukernel/range_allocator.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace rosenblatt::emukernel {
namespace {

TEST(RangeAllocator, FillsTheWindowToItsLastByteAndThenAnswersNothing) {
    RangeAllocator allocator(0x1000, 0x3000);
    EXPECT_EQ(allocator.insert(0x1000, 0x1000), 0x1000u);
    EXPECT_EQ(allocator.insert(0x2000, 0x1000), 0x2000u);
    EXPECT_FALSE(allocator.insert(1, 1));
}

TEST(RangeAllocator, SizeZeroHasNoPlace) {
    RangeAllocator allocator(0, 0x1000);
    EXPECT_FALSE(allocator.insert(0, 0x1000));
}

TEST(RangeAllocator, NeighbouringHolesJoin) {
    RangeAllocator allocator(0, 0x3000);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(allocator.insert(0x1000, 0x1000));
    for (const uint64_t start : {0x0u, 0x2000u, 0x1000u}) allocator.remove(start);
    EXPECT_EQ(allocator.insert(0x3000, 0x1000), 0u);
}

TEST(RangeAllocator, TheSmallestHoleWins) {
    RangeAllocator allocator(0, 0x100000);
    std::vector<uint64_t> starts;
    for (const uint64_t size : {0x4000u, 0x1000u, 0x2000u, 0x1000u})
        starts.push_back(*allocator.insert(size, 0x1000));
    allocator.remove(starts[0]);
    allocator.remove(starts[2]);
    EXPECT_EQ(allocator.insert(0x1000, 0x1000), starts[2]);
}

TEST(RangeAllocator, OfEquallyLargeHolesTheNewestWins) {
    RangeAllocator allocator(0, 0x100000);
    for (int i = 0; i < 6; ++i) ASSERT_TRUE(allocator.insert(0x1000, 0x1000));
    allocator.remove(0x3000);
    allocator.remove(0x1000);
    EXPECT_EQ(allocator.insert(0x1000, 0x1000), 0x1000u);
    EXPECT_EQ(allocator.insert(0x1000, 0x1000), 0x3000u);
}

TEST(RangeAllocator, AHoleThatIsTooShortOnceAlignedIsPassedOver) {
    RangeAllocator allocator(0, 0x10000);
    ASSERT_EQ(allocator.insert(1, 0x1000), 0u);
    ASSERT_EQ(allocator.insert(0x1000, 0x1000), 0x1000u);  // leaves the hole [1, 0x1000)
    EXPECT_EQ(allocator.insert(0x800, 0x1000), 0x2000u);
}

// The plain twin: a byte map of pages, best fit by scanning.
TEST(RangeAllocator, RandomRangesNeverOverlapAndSitInTheSmallestHole) {
    constexpr unsigned k_seed = 20261122;
    SCOPED_TRACE(testing::Message() << "seed " << k_seed);
    std::mt19937 random(k_seed);
    constexpr size_t k_pages = 256;
    std::vector<bool> used(k_pages, false);
    RangeAllocator allocator(0, k_pages * 0x1000);
    struct Range {
        uint64_t page, pages;
    };
    std::vector<Range> live;
    const auto smallest_hole = [&](uint64_t pages) {
        uint64_t best = 0;
        for (size_t page = 0; page < k_pages;) {
            size_t end = page;
            while (end < k_pages && !used[end]) ++end;
            const uint64_t length = end - page;
            if (length >= pages && (best == 0 || length < best)) best = length;
            page = end + 1;
        }
        return best;
    };
    const auto hole_at = [&](uint64_t page) {
        uint64_t begin = page, end = page;
        while (begin > 0 && !used[begin - 1]) --begin;
        while (end < k_pages && !used[end]) ++end;
        return end - begin;
    };
    for (int step = 0; step < 20'000; ++step) {
        if (live.empty() || random() % 2) {
            const uint64_t pages = 1 + random() % 12;
            const auto start = allocator.insert(pages * 0x1000, 0x1000);
            ASSERT_EQ(start.has_value(), smallest_hole(pages) > 0);
            if (!start) continue;
            const uint64_t page = *start / 0x1000;
            ASSERT_EQ(hole_at(page), smallest_hole(pages));
            for (uint64_t i = page; i < page + pages; ++i) {
                ASSERT_FALSE(used[i]);
                used[i] = true;
            }
            live.push_back({page, pages});
        } else {
            std::swap(live[random() % live.size()], live.back());
            allocator.remove(live.back().page * 0x1000);
            for (uint64_t i = 0; i < live.back().pages; ++i) used[live.back().page + i] = false;
            live.pop_back();
        }
    }
}

}  // namespace
}  // namespace rosenblatt::emukernel
