// SPDX-License-Identifier: MIT
#include "emukernel/user_memory.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <numeric>
#include <string>
#include <vector>

namespace rosenblatt::emukernel {
namespace {

uint64_t address_of(const void* pointer) {
    return reinterpret_cast<uintptr_t>(pointer);
}

// Two pages of which only the first is there.
class HalfMapped {
  public:
    HalfMapped()
        : base_(static_cast<char*>(
              ::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
        ::munmap(base_ + 4096, 4096);
    }
    ~HalfMapped() { ::munmap(base_, 4096); }
    char* base() const { return base_; }

  private:
    char* base_;
};

struct Way {
    const char* name;
    bool (*from_user)(void*, uint64_t, size_t);
    bool (*to_user)(uint64_t, const void*, size_t);
};

std::string way_name(const testing::TestParamInfo<Way>& way) {
    return way.param.name;
}

class UserMemory : public testing::TestWithParam<Way> {};
INSTANTIATE_TEST_SUITE_P(Ways, UserMemory,
                         testing::Values(Way{"chosen", copy_from_user, copy_to_user},
                                         Way{"pipe", copy_from_user_by_pipe, copy_to_user_by_pipe}),
                         way_name);

TEST_P(UserMemory, CopiesBothWays) {
    std::vector<uint8_t> theirs(100'000), ours(100'000);
    std::iota(theirs.begin(), theirs.end(), uint8_t{0});
    EXPECT_TRUE(GetParam().from_user(ours.data(), address_of(theirs.data()), ours.size()));
    EXPECT_EQ(ours, theirs);
    std::vector<uint8_t> back(100'000);
    EXPECT_TRUE(GetParam().to_user(address_of(back.data()), ours.data(), ours.size()));
    EXPECT_EQ(back, ours);
}

TEST_P(UserMemory, ABadPointerIsAnAnswerNotASignal) {
    uint64_t ours = 0;
    for (const uint64_t bad : {uint64_t{0}, uint64_t{16}, ~uint64_t{0} - 7, uint64_t{1} << 63}) {
        EXPECT_FALSE(GetParam().from_user(&ours, bad, sizeof ours));
        EXPECT_FALSE(GetParam().to_user(bad, &ours, sizeof ours));
    }
}

TEST_P(UserMemory, ARangeThatEndsInNowhereIsRefused) {
    HalfMapped pages;
    char ours[16] = {};
    EXPECT_TRUE(GetParam().from_user(ours, address_of(pages.base() + 4080), 16));
    EXPECT_FALSE(GetParam().from_user(ours, address_of(pages.base() + 4088), 16));
    EXPECT_FALSE(GetParam().to_user(address_of(pages.base() + 4088), ours, 16));
}

TEST_P(UserMemory, ReadOnlyMemoryCannotBeWritten) {
    HalfMapped pages;
    ::mprotect(pages.base(), 4096, PROT_READ);
    char ours[16] = {};
    EXPECT_TRUE(GetParam().from_user(ours, address_of(pages.base()), 16));
    EXPECT_FALSE(GetParam().to_user(address_of(pages.base()), ours, 16));
}

}  // namespace
}  // namespace rosenblatt::emukernel
