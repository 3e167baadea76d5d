// SPDX-License-Identifier: MIT
#include "quant/policy.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace rosenblatt::quant {
namespace {

TEST(Policy, WhatIsWrittenIsReadBack) {
    Policy policy;
    policy.set("blk.0.ffn_up.weight", 0x0123456789abcdefu, Pipeline::F16);
    policy.set("blk.1.ffn_up.weight", 7, Pipeline::W8A8);
    const auto read = Policy::parse(policy.text("for people\nin two lines"));
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(read->size(), 2u);
    EXPECT_EQ(read->find("blk.0.ffn_up.weight", 0x0123456789abcdefu), Pipeline::F16);
    EXPECT_EQ(read->find("blk.1.ffn_up.weight", 7), Pipeline::W8A8);
    EXPECT_EQ(read->find("blk.1.ffn_up.weight", 8), std::nullopt) << "another model's";
    EXPECT_TRUE(read->names("blk.1.ffn_up.weight"));
    EXPECT_FALSE(read->names("blk.1.ffn"));
}

TEST(Policy, ALineThatIsNoneIsNamed) {
    for (const char* line :
         {"f32 0000000000000001 a", "f16 1 a", "f16 000000000000000g a", "f16 0000000000000001",
          "f16 0000000000000001 ", "f16", " "}) {
        const auto read = Policy::parse(std::string("# fine\n") + line);
        ASSERT_FALSE(read.ok()) << line;
        EXPECT_NE(read.error().message.find("line 2"), std::string::npos);
    }
}

TEST(Policy, FingerprintsDifferByTypeShapeAndData) {
    const uint64_t dims[] = {64, 32}, other[] = {32, 64};
    std::vector<std::byte> head(k_fingerprint_bytes + 1);
    const uint64_t first = tensor_fingerprint(1, dims, head);
    EXPECT_NE(first, tensor_fingerprint(2, dims, head));
    EXPECT_NE(first, tensor_fingerprint(1, other, head));
    head.back() = std::byte{1};
    EXPECT_EQ(first, tensor_fingerprint(1, dims, head)) << "beyond what is looked at";
    head[17] = std::byte{1};
    EXPECT_NE(first, tensor_fingerprint(1, dims, head));
}

}  // namespace
}  // namespace rosenblatt::quant
