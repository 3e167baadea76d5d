// SPDX-License-Identifier: MIT
// Packed weights in files: the same bytes come back or none, and never more files than allowed.
#include "ggml/packed_cache.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "ggml_fixture.hpp"

namespace rosenblatt::ggml {
namespace {

namespace fs = std::filesystem;
using Loaded = PackedCache::Loaded;

std::vector<std::byte> bytes(size_t count, uint32_t seed) {
    const auto floats = noise(count / 4 + 1, seed);
    std::vector<std::byte> made(count);
    std::copy_n(reinterpret_cast<const std::byte*>(floats.data()), count, made.begin());
    return made;
}

class PackedCacheTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "packed.XXXXXX").string();
        ASSERT_TRUE(mkdtemp(pattern.data()));
        folder_ = pattern;
    }
    void TearDown() override { fs::remove_all(folder_); }

    static PackedCache::Key key(uint32_t seed, const std::string& layout = "l") {
        return PackedCache::key_of(bytes(3 << 20, seed), layout, matmul::run_serial);
    }
    std::string path(const PackedCache::Key& key) const {
        return folder_ + "/" + key.text() + ".packed";
    }
    static void store(const PackedCache& cache, const PackedCache::Key& key) {
        auto a = bytes(k_first, 1), b = bytes(k_second, 2);
        cache.store(key, {a, b}, matmul::run_serial);
    }
    // True when the parts came back as stored.
    static bool comes_back(const PackedCache& cache, const PackedCache::Key& key) {
        std::vector<std::byte> a(k_first), b(k_second);
        return cache.load(key, {a, b}, matmul::run_serial) == Loaded::Yes &&
               a == bytes(k_first, 1) && b == bytes(k_second, 2);
    }
    static Loaded load(const PackedCache& cache, const PackedCache::Key& key) {
        std::vector<std::byte> a(k_first), b(k_second);
        return cache.load(key, {a, b}, matmul::run_serial);
    }

    static constexpr size_t k_first = (size_t{2} << 20) + 5, k_second = 77;
    std::string folder_;
};

TEST_F(PackedCacheTest, WhatWasStoredComesBackInAnotherProcess) {
    EXPECT_EQ(load(PackedCache(folder_, 1 << 30), key(1)), Loaded::NotThere);
    store(PackedCache(folder_, 1 << 30), key(1));
    EXPECT_TRUE(comes_back(PackedCache(folder_, 1 << 30), key(1)));
}

TEST_F(PackedCacheTest, TheKeyIsTheWeightsBytesAndTheLayout) {
    EXPECT_EQ(key(1).text(), key(1).text());
    EXPECT_NE(key(1).text(), key(2).text());
    EXPECT_NE(key(1).text(), key(1, "other lanes").text());
    auto weight = bytes(3 << 20, 1);
    weight[weight.size() / 2] ^= std::byte{1};
    EXPECT_NE(PackedCache::key_of(weight, "l", matmul::run_serial).text(), key(1).text());
}

TEST_F(PackedCacheTest, ABrokenFileIsNeverTakenForAWeight) {
    const PackedCache cache(folder_, 1 << 30);
    const auto break_at = [&](auto offset, const char* what) {
        store(cache, key(1));
        ASSERT_TRUE(comes_back(cache, key(1)));
        std::fstream file(path(key(1)), std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(offset);
        const auto old = static_cast<char>(file.get());
        file.seekp(offset);
        file.put(static_cast<char>(old ^ 0x10));
        file.close();
        EXPECT_EQ(load(cache, key(1)), Loaded::Unusable) << what;
    };
    break_at(0, "magic");
    break_at(8, "version");
    break_at(20, "key");
    break_at(1 << 20, "content");
    store(cache, key(1));
    fs::resize_file(path(key(1)), 1000);
    EXPECT_EQ(load(cache, key(1)), Loaded::Unusable) << "cut";
    std::ofstream(path(key(1))) << "somebody else's";
    EXPECT_EQ(load(cache, key(1)), Loaded::Unusable) << "foreign";
    store(cache, key(1));
    EXPECT_TRUE(comes_back(cache, key(1))) << "a new one takes its place";
}

TEST_F(PackedCacheTest, AFileOfOtherSizesIsNotTheWeight) {
    const PackedCache cache(folder_, 1 << 30);
    store(cache, key(1));
    std::vector<std::byte> a(k_first - 1), b(k_second + 1), c(k_second);
    EXPECT_EQ(cache.load(key(1), {a}, matmul::run_serial), Loaded::Unusable);
    EXPECT_EQ(cache.load(key(1), {a, c}, matmul::run_serial), Loaded::Unusable);
}

TEST_F(PackedCacheTest, TheFilesUsedLongestAgoMakeRoom) {
    const uint64_t one = k_first + k_second + 128;
    const PackedCache cache(folder_, 2 * one);
    store(cache, key(1));
    store(cache, key(2));
    const auto age = [&](uint32_t seed, int hours) {
        fs::last_write_time(path(key(seed)),
                            fs::file_time_type::clock::now() - std::chrono::hours(hours));
    };
    age(1, 3);
    age(2, 2);
    ASSERT_TRUE(comes_back(cache, key(1)));  // used just now
    store(cache, key(3));
    EXPECT_EQ(load(cache, key(2)), Loaded::NotThere);
    EXPECT_TRUE(comes_back(cache, key(1)));
    EXPECT_TRUE(comes_back(cache, key(3)));
}

TEST_F(PackedCacheTest, AWeightLargerThanTheWholeCacheIsNotKeptAndCostsNoOther) {
    store(PackedCache(folder_, 1 << 30), key(1));
    store(PackedCache(folder_, 1000), key(2));
    EXPECT_TRUE(comes_back(PackedCache(folder_, 1 << 30), key(1)));
    EXPECT_EQ(load(PackedCache(folder_, 1 << 30), key(2)), Loaded::NotThere);
}

TEST_F(PackedCacheTest, WithoutAFolderNothingIsKept) {
    const PackedCache off;
    store(off, key(1));
    EXPECT_FALSE(off.on());
    EXPECT_EQ(load(off, key(1)), Loaded::NotThere);
}

TEST_F(PackedCacheTest, AFolderThatCannotBeWrittenIsNoFault) {
    const PackedCache cache("/proc/rosenblatt", 1 << 30);
    store(cache, key(1));
    EXPECT_EQ(load(cache, key(1)), Loaded::NotThere);
}

}  // namespace
}  // namespace rosenblatt::ggml
