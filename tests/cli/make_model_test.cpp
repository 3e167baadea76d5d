// SPDX-License-Identifier: MIT
// What make-model writes: a file our own reader understands, values on the scale it promised, the
// same bytes for the same seed whatever the threads.
#include "cli/make_model.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/gguf.hpp"
#include "cli/make_model_file.hpp"
#include "npu/convert.hpp"

namespace rosenblatt::cli {
namespace {

namespace fs = std::filesystem;

template <typename T>
void append(std::string& bytes, T value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}
void append(std::string& bytes, const char* text) {
    append<uint64_t>(bytes, std::strlen(text));
    bytes += text;
}

/// A vocabulary of three tokens, between keys that do not belong to it.
std::string vocabulary() {
    std::string bytes = "GGUF";
    append<uint32_t>(bytes, 3);
    append<uint64_t>(bytes, 0);
    append<uint64_t>(bytes, 4);
    append(bytes, "general.architecture");
    append<uint32_t>(bytes, 8);
    append(bytes, "foreign");
    append(bytes, "tokenizer.ggml.model");
    append<uint32_t>(bytes, 8);
    append(bytes, "gpt2");
    append(bytes, "tokenizer.ggml.tokens");
    append<uint32_t>(bytes, 9);
    append<uint32_t>(bytes, 8);
    append<uint64_t>(bytes, 3);
    for (const char* token : {"a", "bc", "d"}) append(bytes, token);
    append(bytes, "foreign.block_count");
    append<uint32_t>(bytes, 4);
    append<uint32_t>(bytes, 77);
    return bytes;
}

class MakeModel : public testing::Test {
  protected:
    MakeModel() {
        folder_ = fs::path(testing::TempDir()) /
                  (std::string("make_model_") +
                   testing::UnitTest::GetInstance()->current_test_info()->name());
        fs::create_directories(folder_);
        std::ofstream(folder_ / "vocabulary.gguf", std::ios::binary) << vocabulary();
    }
    ~MakeModel() override { fs::remove_all(folder_); }

    MakeModelOptions options(const std::string& name) const {
        MakeModelOptions o;
        o.shape = "tiny";
        o.vocabulary = folder_ / "vocabulary.gguf";
        o.output = folder_ / name;
        o.layers = 1;
        return o;
    }

    static std::string made(const MakeModelOptions& o) {
        std::ostringstream out, err;
        EXPECT_EQ(run_make_model(o, out, err), 0) << err.str();
        std::ifstream file(o.output, std::ios::binary);
        std::stringstream bytes;
        bytes << file.rdbuf();
        return bytes.str();
    }

    fs::path folder_;
};

TEST_F(MakeModel, TheFileHoldsTheShapeAndTheForeignVocabulary) {
    const std::string bytes = made(options("m.gguf"));
    const auto gguf = read_gguf(options("m.gguf").output);
    ASSERT_TRUE(gguf) << gguf.error().message;
    EXPECT_EQ(gguf->texts.at("general.architecture"), "qwen2");
    EXPECT_EQ(gguf->texts.at("tokenizer.ggml.model"), "gpt2");
    EXPECT_EQ(gguf->numbers.at("qwen2.block_count"), 1u);
    EXPECT_EQ(gguf->numbers.count("foreign.block_count"), 0u);
    ASSERT_EQ(gguf->tensors.size(), 1u + 12u + 1u);
    EXPECT_EQ(gguf->tensors.front().name, "token_embd.weight");
    EXPECT_EQ(gguf->tensors.front().dims, (std::vector<uint64_t>{256, 3}));
    uint64_t data = 0;
    for (const GgufTensor& tensor : gguf->tensors) {
        uint64_t elements = 1;
        for (const uint64_t dim : tensor.dims) elements *= dim;
        data += elements * (tensor.type == 1 ? 2 : 4);
    }
    EXPECT_GT(bytes.size(), data);
    EXPECT_LT(bytes.size(), data + 4096);
}

TEST_F(MakeModel, ThreadsDoNotChangeAByteAndASeedDoes) {
    MakeModelOptions one = options("one.gguf"), many = options("many.gguf");
    one.threads = 1;
    many.threads = 7;
    const std::string bytes = made(one);
    EXPECT_TRUE(bytes == made(many));
    many.seed = 2;
    EXPECT_FALSE(bytes == made(many));
}

TEST_F(MakeModel, NothingIsLeftWhereTheFileCannotBeWritten) {
    MakeModelOptions o = options("taken");
    fs::create_directories(o.output);
    std::ostringstream out, err;
    EXPECT_EQ(run_make_model(o, out, err), 1);
    EXPECT_NE(err.str().find("Is a directory"), std::string::npos) << err.str();
    EXPECT_FALSE(fs::exists(o.output + ".part"));
}

TEST(RandomValues, HaveTheMeanAndDeviationAskedFor) {
    const NewTensor tensor{"w", {1 << 20}, NewType::F16, 0.5F, 0.025F};
    const std::string bytes = random_values(tensor, 7, 0, 1 << 20);
    double sum = 0, squares = 0, fourth = 0;
    const auto count = static_cast<double>(1 << 20);
    for (size_t i = 0; i < 1 << 20; ++i) {
        uint16_t half = 0;
        std::memcpy(&half, bytes.data() + 2 * i, 2);
        const double x = (npu::fp32_from_fp16(half) - 0.5) / 0.025;
        sum += x;
        squares += x * x;
        fourth += x * x * x * x;
    }
    EXPECT_NEAR(sum / count, 0, 0.005);
    EXPECT_NEAR(squares / count, 1, 0.01);
    EXPECT_NEAR(fourth / count, 3, 0.05);  // normal, not uniform
}

TEST(RandomValues, APieceIsPartOfTheWhole) {
    const NewTensor tensor{"w", {1000}, NewType::F32, 0, 1};
    const std::string whole = random_values(tensor, 3, 0, 1000);
    EXPECT_EQ(whole.substr(400 * 4, 301 * 4), random_values(tensor, 3, 400, 301));
    EXPECT_NE(whole, random_values(tensor, 4, 0, 1000));
}

}  // namespace
}  // namespace rosenblatt::cli
