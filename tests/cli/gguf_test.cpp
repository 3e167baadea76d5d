// SPDX-License-Identifier: MIT
// The GGUF reader on a small file of our own, whole, cut off anywhere, and lying about its lengths.
#include "cli/gguf.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "cli/model_shape.hpp"

namespace rosenblatt::cli {
namespace {

/// Appends to a GGUF image in memory.
class Image {
  public:
    template <typename T>
    Image& number(T value) {
        char bytes[sizeof value];
        std::memcpy(bytes, &value, sizeof value);
        data.append(bytes, sizeof value);
        return *this;
    }
    Image& text(const std::string& value) {
        number<uint64_t>(value.size());
        data += value;
        return *this;
    }
    Image& key(const std::string& name, uint32_t type) { return text(name).number(type); }
    Image& tensor(const std::string& name, std::vector<uint64_t> dims, uint32_t type) {
        text(name).number(static_cast<uint32_t>(dims.size()));
        for (const uint64_t dim : dims) number(dim);
        return number(type).number<uint64_t>(0);
    }

    std::string data;
};

Image header(uint64_t tensors, uint64_t metadata) {
    Image image;
    image.data = "GGUF";
    return image.number<uint32_t>(3).number(tensors).number(metadata);
}

/// Two layers of a model with one kind of matrix each, an F32 router and a token table.
std::string small_model() {
    Image image = header(7, 6);
    image.key("general.architecture", 8).text("tiny");
    image.key("tiny.block_count", 4).number<uint32_t>(2);
    image.key("tiny.attention.head_count", 5).number<int32_t>(4);
    image.key("tiny.embedding_length", 10).number<uint64_t>(64);
    image.key("tiny.rope.freq_base", 6).number(1e4F);
    image.key("tokenizer.ggml.tokens", 9)
        .number<uint32_t>(8)
        .number<uint64_t>(2)
        .text("a")
        .text("bc");
    image.tensor("token_embd.weight", {64, 1000}, 12);
    for (const char* layer : {"blk.0.", "blk.1."}) {
        image.tensor(std::string(layer) + "attn_q.weight", {64, 96}, 12);
        image.tensor(std::string(layer) + "ffn_up.weight", {64, 256}, 14);
    }
    image.tensor("blk.0.ffn_gate_inp.weight", {64, 64}, 0);
    image.tensor("blk.0.attn_norm.weight", {64}, 0);
    return image.data;
}

/// A file that goes away with the test.
class File {
  public:
    explicit File(const std::string& data)
        : path_(testing::TempDir() + "gguf_test_" +
                testing::UnitTest::GetInstance()->current_test_info()->name()) {
        std::ofstream(path_, std::ios::binary) << data;
    }
    ~File() { std::filesystem::remove(path_); }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

TEST(Gguf, ReadsTensorsAndScalarsAndSkipsTheRest) {
    const File file(small_model());
    const Gguf gguf = read_gguf(file.path()).value();
    EXPECT_EQ(gguf.texts.at("general.architecture"), "tiny");
    EXPECT_EQ(gguf.numbers.at("tiny.attention.head_count"), 4U);
    EXPECT_EQ(gguf.numbers.count("tiny.rope.freq_base"), 0U);
    ASSERT_EQ(gguf.tensors.size(), 7U);
    EXPECT_EQ(gguf.tensors[2].name, "blk.0.ffn_up.weight");
    EXPECT_EQ(gguf.tensors[2].dims, (std::vector<uint64_t>{64, 256}));
    EXPECT_EQ(gguf.tensors[2].type, 14U);
}

TEST(Gguf, CutOffAnywhereItIsRefusedWithASentence) {
    const std::string whole = small_model();
    for (size_t size = 0; size < whole.size(); ++size) {
        const File file(whole.substr(0, size));
        const auto gguf = read_gguf(file.path());
        ASSERT_FALSE(gguf.ok()) << size;
        EXPECT_NE(gguf.error().message.find(file.path()), std::string::npos);
    }
}

TEST(Gguf, AnyByteMayLie) {
    const std::string whole = small_model();
    for (size_t at = 0; at < whole.size(); ++at) {
        std::string lying = whole;
        lying[at] = '\xff';
        const File file(lying);
        const auto model = gguf_model(file.path(), 16);
        EXPECT_TRUE(model.ok() || !model.error().message.empty());
    }
}

TEST(Gguf, HugeCountsAndDeepArraysEndAtOnce) {
    const File counts(header(~0ULL, ~0ULL).data);
    EXPECT_FALSE(read_gguf(counts.path()).ok());
    Image nested = header(0, 1);
    nested.key("k", 9);
    for (int i = 0; i < 100'000; ++i) nested.number<uint32_t>(9).number<uint64_t>(1);
    const File deep(nested.data);
    EXPECT_FALSE(read_gguf(deep.path()).ok());
}

TEST(ModelShape, TakesQuantisedLayerMatricesAndLeavesOneRowFfnOut) {
    const File file(small_model());
    const ModelShape model = gguf_model(file.path(), 100).value();
    ASSERT_EQ(model.matmuls.size(), 2U);
    EXPECT_EQ(model.matmuls[0].name, "attn_q");
    EXPECT_EQ(model.matmuls[0].count, 2U);
    EXPECT_EQ(model.matmuls[0].shape.m, 100U);
    EXPECT_EQ(model.matmuls[1].name, "ffn_up");
    EXPECT_EQ(model.matmuls[1].count, 1U);
    EXPECT_EQ(model.matmuls[1].tensors, 2U);
    EXPECT_EQ(model.attention_macs, 2.0 * 100 * 100 * 4 * 32);
}

TEST(ModelShape, KnowsTheMissionsModel) {
    const ModelShape model = named_model("qwen2.5-1.5b", 512).value();
    double macs = 0;
    for (const ModelMatmul& m : model.matmuls)
        macs += static_cast<double>(m.count) * m.shape.m * m.shape.k * m.shape.n;
    EXPECT_NEAR(macs, 6.50e11, 0.005e11);
    EXPECT_FALSE(named_model("gpt", 512).ok());
}

}  // namespace
}  // namespace rosenblatt::cli
