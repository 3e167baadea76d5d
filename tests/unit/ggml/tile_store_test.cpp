// SPDX-License-Identifier: MIT
#include "ggml/tile_store.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "emukernel/port.hpp"
#include "ggml_fixture.hpp"
#include "matmul/multiply.hpp"

namespace rosenblatt::ggml {
namespace {

class TileStoreTest : public testing::Test {
  protected:
    void SetUp() override {
        start_ggml();
        context_.reset(ggml_init({size_t{1} << 20, nullptr, false}));  // with memory for the data
        auto port = emukernel::Port::create();
        ASSERT_TRUE(port) << port.error().message;
        port_ = std::move(*port);
    }

    void open(uint64_t mem_max_bytes = uint64_t{1} << 30) {
        matmul::DeviceOptions options;
        options.mem_max_bytes = mem_max_bytes;
        auto device = matmul::Device::open(*port_, emukernel::k_device_path, options);
        ASSERT_TRUE(device) << device.error().message;
        device_ = std::move(*device);
    }

    ggml_tensor* weight(int64_t k = 64, int64_t n = 32) {
        ggml_tensor* w = ggml_new_tensor_2d(context_.get(), GGML_TYPE_F16, k, n);
        const auto values = noise(static_cast<size_t>(k * n), 7);
        ggml_quantize_chunk(w->type, values.data(), w->data, 0, n, k, nullptr);
        return w;
    }

    TileStore::Found find(const ggml_tensor* w, double benefit = 1,
                          std::vector<int64_t> matrices = {0}) {
        return store_.find_or_pack(*device_, *w, matrices, Pipeline::W8A8H, benefit,
                                   matmul::run_serial);
    }

    Context context_;
    std::unique_ptr<emukernel::Port> port_;
    std::unique_ptr<matmul::Device> device_;
    TileStore store_;
};

TEST_F(TileStoreTest, AWeightIsPackedOnce) {
    open();
    const ggml_tensor* w = weight();
    const auto first = find(w);
    ASSERT_TRUE(first.tiles);
    EXPECT_EQ(find(w).tiles, first.tiles);
    EXPECT_EQ(store_.count().packed, 1u);
}

TEST_F(TileStoreTest, OfExpertsOnlyThoseAskedForArePacked) {
    open();
    ggml_tensor* w = ggml_new_tensor_3d(context_.get(), GGML_TYPE_F16, 64, 32, 4);
    const auto values = noise(64 * 32 * 4, 7);
    ggml_quantize_chunk(w->type, values.data(), w->data, 0, 32 * 4, 64, nullptr);
    const auto tiles = find(w, 1, {1, 3}).tiles;
    ASSERT_TRUE(tiles);
    const auto* third = tiles->matrices[3].get();
    EXPECT_TRUE(tiles->matrices[1] && third);
    EXPECT_FALSE(tiles->matrices[0] || tiles->matrices[2]);
    EXPECT_EQ(find(w, 1, {0, 3}).tiles, tiles);
    EXPECT_TRUE(tiles->matrices[0]);
    EXPECT_EQ(tiles->matrices[3].get(), third);
}

TEST_F(TileStoreTest, AWriteAnywhereInATensorDropsItsTilesAndNoOthers) {
    open();
    const ggml_tensor* a = weight();
    const ggml_tensor* b = weight();
    const auto kept = find(b).tiles;
    const auto* data = static_cast<const std::byte*>(a->data);
    for (const size_t at : {size_t{0}, ggml_nbytes(a) / 2, ggml_nbytes(a) - 1}) {
        const auto dropped = find(a).tiles;
        store_.drop(data + at, 1);
        EXPECT_EQ(store_.count().packed, 1u) << at;
    }
    store_.drop(data + ggml_nbytes(a), 0);
    EXPECT_EQ(find(b).tiles, kept);
}

TEST_F(TileStoreTest, TilesInUseOutliveTheirDropping) {
    open();
    const ggml_tensor* w = weight();
    const auto in_use = find(w).tiles;
    store_.drop(w->data, ggml_nbytes(w));
    EXPECT_EQ(in_use->matrices.size(), 1u);
    EXPECT_EQ(in_use->matrices[0]->shape().n, 32);
}

TEST_F(TileStoreTest, AnotherShapeAtTheSameAddressIsAnotherWeight) {
    open();
    ggml_tensor* w = weight(64, 32);
    const auto first = find(w).tiles;
    ggml_tensor* other = ggml_new_tensor_2d(context_.get(), GGML_TYPE_F16, 32, 64);
    other->data = w->data;
    const auto second = find(other).tiles;
    ASSERT_TRUE(second);
    EXPECT_EQ(second->matrices[0]->shape().k, 32);
    EXPECT_EQ(find(w).tiles, first);
}

TEST_F(TileStoreTest, WithoutMemoryAWeightIsRefusedAndRemembered) {
    open(1024);
    EXPECT_EQ(find(weight(256, 256)).refusal, Refusal::NoMemory);
    EXPECT_EQ(store_.count().out_of_memory, 1u);
    EXPECT_FALSE(store_.memory_error().empty());
}

TEST_F(TileStoreTest, MoreUsefulTilesTakeTheMemoryOfLessUsefulOnes) {
    const uint64_t one = matmul::packed_bytes({256, 256}, Pipeline::W8A8H);
    open(one + one / 2);
    const ggml_tensor* low = weight(256, 256);
    const ggml_tensor* high = weight(256, 256);
    const ggml_tensor* equal = weight(256, 256);
    ASSERT_TRUE(find(low, 1).tiles);
    EXPECT_TRUE(find(high, 2).tiles);
    EXPECT_EQ(find(equal, 2).refusal, Refusal::NoMemory);
    EXPECT_EQ(find(low, 1).refusal, Refusal::NoMemory);
    EXPECT_TRUE(find(high, 2).tiles);
    EXPECT_EQ(store_.count().evicted, 1u);
}

/// A weight in memory that is marked as weights, and a cache in a folder of its own.
class CachedTiles : public TileStoreTest {
  protected:
    void SetUp() override {
        TileStoreTest::SetUp();
        open();
        std::string pattern = testing::TempDir() + "/tiles.XXXXXX";
        ASSERT_TRUE(mkdtemp(pattern.data()));
        folder_ = pattern;
        buffer_.reset(ggml_backend_buft_alloc_buffer(ggml_backend_cpu_buffer_type(), 64));
        ggml_backend_buffer_set_usage(buffer_.get(), GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
        weight_ = weight(k_k, k_n);
        weight_->buffer = buffer_.get();
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    struct Made {
        std::vector<float> product;
        TileStore::Count count;
        std::string broken_files;
    };
    // As a process of its own would, with the tiles that its cache or the weight gives.
    Made make() {
        TileStore store;
        store.set_cache(PackedCache(folder_, 1 << 30));
        const int64_t first = 0;
        const auto found = store.find_or_pack(*device_, *weight_, {&first, 1}, Pipeline::W8A8H, 1,
                                              matmul::run_serial);
        EXPECT_TRUE(found.tiles);
        const auto x = noise(2 * k_k, 3);
        std::vector<float> y(2 * k_n);
        const auto outcome =
            multiply(*device_, *found.tiles->matrices[0], x.data(), k_k, 2, y.data(), k_n);
        EXPECT_TRUE(outcome && *outcome == matmul::Outcome::Done);
        return {y, store.count(), store.broken_files()};
    }

    static constexpr int64_t k_k = 256, k_n = 160;
    std::string folder_;
    Buffer buffer_;
    ggml_tensor* weight_ = nullptr;
};

TEST_F(CachedTiles, TheNextProcessLoadsWhatThisOnePacked) {
    const Made packed = make();
    EXPECT_EQ(packed.count.from_weight, 1u);
    const Made loaded = make();
    EXPECT_EQ(loaded.count.from_cache, 1u);
    EXPECT_EQ(loaded.count.from_weight, 0u);
    EXPECT_EQ(loaded.product, packed.product);
    EXPECT_EQ(device_->stats().checksum.mismatch, 0u);
}

TEST_F(CachedTiles, ABrokenFileIsPackedAnewToTheSameBits) {
    const Made packed = make();
    const auto file = *std::filesystem::directory_iterator(folder_);
    std::filesystem::resize_file(file.path(), file.file_size() - 1);
    std::ofstream(file.path(), std::ios::in | std::ios::binary).seekp(5000).put(0x55);
    const Made again = make();
    EXPECT_EQ(again.count.from_weight, 1u);
    EXPECT_EQ(again.product, packed.product);
    EXPECT_EQ(again.broken_files, file.path().string() + " is broken or not a file of ours; its "
                                                         "weight is packed again.");
    EXPECT_EQ(make().count.from_cache, 1u) << "the file was replaced";
}

TEST_F(CachedTiles, ManyBrokenFilesAreOneSentence) {
    TileStore store;
    store.set_cache(PackedCache(folder_, 1 << 30));
    const int64_t first = 0;
    // The second pipeline and the third have files of their own.
    const Pipeline pipelines[] = {Pipeline::W8A8H, Pipeline::W8A8, Pipeline::F16};
    const auto pack_all = [&] {
        for (const Pipeline pipeline : pipelines) {
            store.find_or_pack(*device_, *weight_, {&first, 1}, pipeline, 1, matmul::run_serial);
            store.drop(weight_->data, ggml_nbytes(weight_));
        }
    };
    pack_all();
    EXPECT_EQ(store.broken_files(), "");
    for (const auto& file : std::filesystem::directory_iterator(folder_))
        std::filesystem::resize_file(file.path(), 100);
    pack_all();
    EXPECT_NE(store.broken_files().find(".packed and 2 more of its folder are broken"),
              std::string::npos)
        << store.broken_files();
}

TEST_F(CachedTiles, OtherValuesOfTheWeightAreAnotherFile) {
    const Made packed = make();
    static_cast<ggml_fp16_t*>(weight_->data)[k_k * k_n - 1] = ggml_fp32_to_fp16(0.75F);
    const Made changed = make();
    EXPECT_EQ(changed.count.from_weight, 1u);
    EXPECT_NE(changed.product, packed.product);
}

TEST_F(CachedTiles, MemoryThatIsNoWeightsIsNotKept) {
    ggml_backend_buffer_set_usage(buffer_.get(), GGML_BACKEND_BUFFER_USAGE_ANY);
    make();
    EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

}  // namespace
}  // namespace rosenblatt::ggml
