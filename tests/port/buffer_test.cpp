// SPDX-License-Identifier: MIT
// CREATE_BO, GEM_CLOSE, mmap: addresses, limits, and what a failed 2 GiB buffer leaves behind.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "port_fixture.hpp"

namespace rosenblatt::port_test {
namespace {

ROSENBLATT_PORT_SUITE(CreateBo);

constexpr uint64_t k_gib = 1ull << 30;
constexpr uint32_t k_largest = 0x7ffff000;

TEST_P(CreateBo, TheFirstBufferOfAFileHasAddressZero) {
    RawFile file(port());
    RawBo bo(port(), file.fd, 4096);
    EXPECT_EQ(bo.iova, 0u);
}

TEST_P(CreateBo, EveryFileHasItsOwnAddresses) {
    RawFile first(port()), second(port());
    RawBo a(port(), first.fd, 4096), b(port(), second.fd, 4096);
    EXPECT_EQ(a.iova, 0u);
    EXPECT_EQ(b.iova, 0u);
}

TEST_P(CreateBo, AddressesArePageAlignedOneAfterAnother) {
    RawFile file(port());
    std::vector<uint64_t> addresses;
    for (const uint32_t size : {1u, 0x1000u, 0x1001u, 0x3000u, 0x1000u}) {
        drm_rocket_create_bo created;
        ASSERT_EQ(file.create(size, &created), 0);
        addresses.push_back(created.dma_address);
    }
    EXPECT_EQ(addresses, (std::vector<uint64_t>{0, 0x1000, 0x2000, 0x4000, 0x7000}));
}

TEST_P(CreateBo, AFreedHoleIsUsedBeforeTheOpenEnd) {
    RawFile file(port());
    std::vector<drm_rocket_create_bo> created(5);
    const uint32_t sizes[] = {1, 0x1000, 0x1001, 0x3000, 0x1000};
    for (int i = 0; i < 5; ++i) ASSERT_EQ(file.create(sizes[i], &created[i]), 0);
    ASSERT_EQ(file.close_handle(created[2].handle), 0);
    for (const uint64_t address : {0x2000u, 0x3000u, 0x8000u}) {
        drm_rocket_create_bo again;
        ASSERT_EQ(file.create(0x1000, &again), 0);
        EXPECT_EQ(again.dma_address, address);
    }
}

TEST_P(CreateBo, TheSmallestHoleThatFitsIsTaken) {
    RawFile file(port());
    std::vector<drm_rocket_create_bo> created(5);
    const uint32_t sizes[] = {0x4000, 0x1000, 0x2000, 0x1000, 0x1000};
    for (int i = 0; i < 5; ++i) ASSERT_EQ(file.create(sizes[i], &created[i]), 0);
    ASSERT_EQ(file.close_handle(created[0].handle), 0);  // hole of 4 pages at 0
    ASSERT_EQ(file.close_handle(created[2].handle), 0);  // hole of 2 pages at 0x5000
    drm_rocket_create_bo again;
    ASSERT_EQ(file.create(0x2000, &again), 0);
    EXPECT_EQ(again.dma_address, 0x5000u);
}

TEST_P(CreateBo, OfEqualHolesTheOneFreedLastIsTaken) {
    for (const auto& order : {std::vector<int>{0, 2}, std::vector<int>{2, 0}}) {
        RawFile file(port());
        std::vector<drm_rocket_create_bo> created(5);
        for (auto& bo : created) ASSERT_EQ(file.create(0x1000, &bo), 0);
        for (const int i : order) ASSERT_EQ(file.close_handle(created[i].handle), 0);
        drm_rocket_create_bo again;
        ASSERT_EQ(file.create(0x1000, &again), 0);
        EXPECT_EQ(again.dma_address, created[order[1]].dma_address);
    }
}

TEST_P(CreateBo, HandlesCountFromOneAndTheLowestFreeOneComesNext) {
    RawFile file(port());
    drm_rocket_create_bo created;
    for (uint32_t expected = 1; expected <= 3; ++expected) {
        ASSERT_EQ(file.create(4096, &created), 0);
        EXPECT_EQ(created.handle, expected);
    }
    ASSERT_EQ(file.close_handle(2), 0);
    ASSERT_EQ(file.create(4096, &created), 0);
    EXPECT_EQ(created.handle, 2u);
}

TEST_P(CreateBo, SizeZeroIsEnospc) {
    RawFile file(port());
    EXPECT_EQ(file.create(0), -ENOSPC);
}

TEST_P(CreateBo, AnOddSizeIsMappedInWholePages) {
    RawFile file(port());
    RawBo bo(port(), file.fd, 1088);
    std::memset(bo.data, 1, 1088);
    EXPECT_EQ(bo.data[1087], 1);
}

TEST_P(CreateBo, MemoryIsZeroEvenWhenItWasUsedBefore) {
    RawFile file(port());
    for (int round = 0; round < 2; ++round) {
        RawBo bo(port(), file.fd, 0x10000);
        EXPECT_TRUE(std::all_of(bo.data, bo.data + bo.size, [](uint8_t b) { return b == 0; }));
        std::memset(bo.data, 0xaa, bo.size);
    }
}

TEST_P(CreateBo, MmapOffsetsStartAtFourGibAndNoTwoFilesShareOne) {
    RawFile first(port()), second(port());
    RawBo a(port(), first.fd, 4096), b(port(), second.fd, 4096);
    EXPECT_GE(a.offset, 1ull << 32);
    EXPECT_GE(b.offset, 1ull << 32);
    EXPECT_NE(a.offset, b.offset);
}

TEST_P(CreateBo, OnlyAFileWithAHandleMayMapABuffer) {
    RawFile first(port()), second(port());
    RawBo bo(port(), first.fd, 4096);
    void* address = nullptr;
    EXPECT_EQ(port().mmap(second.fd, 4096, bo.offset, &address), -EACCES);
    EXPECT_EQ(port().mmap(first.fd, 4096, bo.offset + (1ull << 36), &address), -EINVAL);
}

TEST_P(CreateBo, AMappingLongerThanTheBufferIsEinval) {
    RawFile file(port());
    RawBo bo(port(), file.fd, 4096);
    void* address = nullptr;
    EXPECT_EQ(port().mmap(file.fd, 8192, bo.offset, &address), -EINVAL);
}

TEST_P(CreateBo, TwoMappingsShowTheSameBytes) {
    RawFile file(port());
    RawBo bo(port(), file.fd, 4096);
    void* address = nullptr;
    ASSERT_EQ(port().mmap(file.fd, 4096, bo.offset, &address), 0);
    bo.data[7] = 42;
    EXPECT_EQ(static_cast<uint8_t*>(address)[7], 42);
    EXPECT_EQ(port().munmap(address, 4096), 0);
}

TEST_P(CreateBo, AMappingKeepsTheMemoryOfAClosedBuffer) {
    RawFile file(port());
    RawBo bo(port(), file.fd, 4096);
    bo.data[7] = 42;
    EXPECT_EQ(bo.close(), 0);
    RawBo other(port(), file.fd, 4096);
    EXPECT_EQ(bo.data[7], 42);
    EXPECT_EQ(other.data[7], 0);
}

TEST_P(CreateBo, ClosingAHandleTwiceIsEinval) {
    RawFile file(port());
    drm_rocket_create_bo created;
    ASSERT_EQ(file.create(4096, &created), 0);
    EXPECT_EQ(file.close_handle(created.handle), 0);
    EXPECT_EQ(file.close_handle(created.handle), -EINVAL);
}

// The emulated kernel takes memory at its first touch (docs/kernel-behaviour.md).
TEST_P(CreateBo, MemoryIsPinnedInsideTheCall) {
    if (emulated()) GTEST_SKIP() << "only the real kernel pins";
    constexpr uint32_t k_size = 64u << 20;
    constexpr uint32_t k_counted = k_size / 16 * 15;  // each CPU keeps some pages uncounted for a while
    RawFile file(port());
    const uint64_t shared = meminfo("Shmem:"), pinned = meminfo("Unevictable:");
    ASSERT_EQ(file.create(k_size), 0);
    EXPECT_GE(meminfo("Shmem:"), shared + k_counted);
    EXPECT_GE(meminfo("Unevictable:"), pinned + k_counted);
}

TEST_P(CreateBo, TwoGibMinusOnePageIsTheLargest) {
    if (!has_memory(3 * k_gib)) GTEST_SKIP() << "needs 3 GiB of free memory, which rocket pins";
    RawFile file(port());
    EXPECT_EQ(file.create(k_largest), 0);
}

TEST_P(CreateBo, FourGibOfAddressesAreUsableAndThenItIsEnospc) {
    if (!has_memory(5 * k_gib)) GTEST_SKIP() << "needs 5 GiB of free memory, which rocket pins";
    RawFile file(port());
    drm_rocket_create_bo created;
    ASSERT_EQ(file.create(k_largest, &created), 0);
    ASSERT_EQ(file.create(k_largest), 0);
    EXPECT_EQ(file.create(0x1000), 0);
    EXPECT_EQ(file.create(0x1000), 0);
    EXPECT_EQ(file.create(0x1000), -ENOSPC);
    EXPECT_EQ(file.close_handle(created.handle), 0);
    EXPECT_EQ(file.create(0x1000), 0);
}

TEST_P(CreateBo, ATwoGibBufferIsEnomemAndPoisonsTheAddressesItWouldHaveHad) {
    if (!has_memory(3 * k_gib)) GTEST_SKIP() << "needs 3 GiB of free memory, which rocket pins";
    RawFile file(port());
    std::vector<drm_rocket_create_bo> created(2);
    for (auto& bo : created) ASSERT_EQ(file.create(0x1000, &bo), 0);
    EXPECT_EQ(file.create(0x80000000u), -ENOMEM);
    EXPECT_EQ(file.create(0x1000), -ENOMEM);
    EXPECT_EQ(file.create(0x100000), -ENOMEM);
    // A hole elsewhere still works, and a new file knows nothing of it.
    ASSERT_EQ(file.close_handle(created[0].handle), 0);
    EXPECT_EQ(file.create(0x1000), 0);
    RawFile fresh(port());
    EXPECT_EQ(fresh.create(0x1000), 0);
}

}  // namespace
}  // namespace rosenblatt::port_test
