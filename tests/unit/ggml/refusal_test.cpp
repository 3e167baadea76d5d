// SPDX-License-Identifier: MIT
#include "ggml/refusal.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace rosenblatt::ggml {
namespace {

TEST(Refusal, EveryReasonHasANameOfItsOwn) {
    std::set<std::string> names;
    for (size_t i = 0; i < k_refusals; ++i) names.insert(name(static_cast<Refusal>(i)));
    EXPECT_EQ(names.size(), k_refusals);
    EXPECT_STREQ(name(Refusal::EmptyMatrix), "empty_matrix");
    EXPECT_STREQ(name(Refusal::FewRows), "few_rows");
    EXPECT_STREQ(name(Refusal::EngineError), "engine_error");
}

}  // namespace
}  // namespace rosenblatt::ggml
