// SPDX-License-Identifier: MIT
// Which rows meet which matrix, for batched weights and for experts.
#include "ggml/row_groups.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "ggml_fixture.hpp"

namespace rosenblatt::ggml {
namespace {

class RowGroupsTest : public testing::Test {
  protected:
    void SetUp() override { context_.reset(ggml_init({size_t{1} << 22, nullptr, false})); }

    ggml_tensor* experts_node(int64_t experts, int64_t used, int64_t tokens, int64_t x_rows,
                              const std::vector<int32_t>& ids) {
        ggml_tensor* w = ggml_new_tensor_3d(context_.get(), GGML_TYPE_F16, 32, 16, experts);
        ggml_tensor* x = ggml_new_tensor_3d(context_.get(), GGML_TYPE_F32, 32, x_rows, tokens);
        // As in a model: the used ids are the first columns of a wider matrix, an argsort's.
        ggml_tensor* sorted = ggml_new_tensor_2d(context_.get(), GGML_TYPE_I32, experts, tokens);
        for (int64_t t = 0; t < tokens; ++t)
            for (int64_t u = 0; u < used; ++u)
                set_id(sorted, u, t, ids[static_cast<size_t>(t * used + u)]);
        ggml_tensor* view = ggml_view_2d(context_.get(), sorted, used, tokens, sorted->nb[1], 0);
        return ggml_mul_mat_id(context_.get(), w, x, view);
    }

    Context context_;
    RowGroups rows_;
};

TEST_F(RowGroupsTest, AnExpertMeetsTheRowsThatNameItInTheOrderOfTheirTokens) {
    ggml_tensor* node = experts_node(4, 2, 3, 2, {3, 0, 0, 2, 3, 2});
    ASSERT_EQ(group_rows(*node, rows_), std::nullopt);
    const auto* y = static_cast<const float*>(node->data);
    const auto* x = static_cast<const std::byte*>(node->src[1]->data);
    struct Expected {
        int64_t matrix;
        std::vector<int64_t> slots;  // token * used + place
    };
    const std::vector<Expected> expected{{0, {1, 2}}, {2, {3, 5}}, {3, {0, 4}}};
    ASSERT_EQ(rows_.groups.size(), expected.size());
    for (size_t g = 0; g < expected.size(); ++g) {
        const RowGroups::Group& group = rows_.groups[g];
        EXPECT_EQ(group.matrix, expected[g].matrix);
        ASSERT_EQ(group.count, expected[g].slots.size());
        for (size_t i = 0; i < group.count; ++i) {
            const int64_t slot = expected[g].slots[i];
            EXPECT_EQ(rows_.y[group.first + i], y + slot * 16);
            EXPECT_EQ(rows_.x[group.first + i], x + slot * 32 * 4);
        }
    }
}

TEST_F(RowGroupsTest, OneRowOfXServesAllExpertsOfItsToken) {
    ggml_tensor* node = experts_node(4, 2, 2, 1, {1, 3, 3, 1});
    ASSERT_EQ(group_rows(*node, rows_), std::nullopt);
    const auto* x = static_cast<const std::byte*>(node->src[1]->data);
    ASSERT_EQ(rows_.groups.size(), 2u);
    for (const RowGroups::Group& group : rows_.groups) {
        ASSERT_EQ(group.count, 2u);
        EXPECT_EQ(rows_.x[group.first], x);
        EXPECT_EQ(rows_.x[group.first + 1], x + 32 * 4);
    }
}

TEST_F(RowGroupsTest, AnIdThatNamesNoExpertIsRefused) {
    EXPECT_EQ(group_rows(*experts_node(4, 1, 2, 1, {1, 4}), rows_), Refusal::ExpertId);
    EXPECT_EQ(group_rows(*experts_node(4, 1, 2, 1, {-1, 0}), rows_), Refusal::ExpertId);
}

TEST_F(RowGroupsTest, EveryMatrixMeetsTheRowsThatBroadcastOverIt) {
    ggml_tensor* w = ggml_new_tensor_4d(context_.get(), GGML_TYPE_F16, 32, 16, 2, 1);
    ggml_tensor* x = ggml_new_tensor_4d(context_.get(), GGML_TYPE_F32, 32, 3, 4, 2);
    ggml_tensor* node = ggml_mul_mat(context_.get(), w, x);
    ASSERT_EQ(group_rows(*node, rows_), std::nullopt);
    ASSERT_EQ(rows_.groups.size(), 2u);
    EXPECT_EQ(rows_.groups[0].count, 12u);
    EXPECT_EQ(rows_.groups[1].matrix, 1);
    EXPECT_EQ(rows_.groups[1].first, 12u);
    EXPECT_EQ(rows_.x[12], static_cast<const std::byte*>(x->data) + 2 * x->nb[2]);
    EXPECT_EQ(rows_.y[12], static_cast<const float*>(node->data) + 2 * 3 * 16);
}

}  // namespace
}  // namespace rosenblatt::ggml
