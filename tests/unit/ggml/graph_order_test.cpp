// SPDX-License-Identifier: MIT
// The order in which our backend asks for a graph's nodes.
#include "ggml/graph_order.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "ggml_fixture.hpp"

namespace rosenblatt::ggml {
namespace {

class GraphOrder : public testing::Test {
  protected:
    void SetUp() override { context_ = make_context(); }

    ggml_tensor* weight(int64_t n) {
        return ggml_new_tensor_2d(context_.get(), GGML_TYPE_Q8_0, 64, n);
    }
    ggml_tensor* rows() { return ggml_new_tensor_2d(context_.get(), GGML_TYPE_F32, 64, 8); }
    ggml_tensor* mul_mat(ggml_tensor* w, ggml_tensor* x) {
        return ggml_mul_mat(context_.get(), w, x);
    }
    void order(std::initializer_list<ggml_tensor*> results) {
        graph_ = ggml_new_graph(context_.get());
        for (ggml_tensor* result : results) ggml_build_forward_expand(graph_, result);
        put_matmuls_together(*graph_);
    }
    int place(const ggml_tensor* node) const {
        return static_cast<int>(std::find(graph_->nodes, graph_->nodes + graph_->n_nodes, node) -
                                graph_->nodes);
    }
    void expect_sources_first() const {
        for (int i = 0; i < graph_->n_nodes; ++i)
            for (const ggml_tensor* source : graph_->nodes[i]->src) {
                if (!source || source == graph_->nodes[i] || source->op == GGML_OP_NONE) continue;
                EXPECT_LT(place(source), i);
            }
    }

    Context context_;
    ggml_cgraph* graph_ = nullptr;
};

TEST_F(GraphOrder, QueryKeyAndValueStandTogetherInTheirOrder) {
    ggml_tensor* x = ggml_rms_norm(context_.get(), rows(), 1e-6f);
    ggml_tensor* q = mul_mat(weight(64), x);
    ggml_tensor* q_scaled = ggml_scale(context_.get(), q, 2);
    ggml_tensor* k = mul_mat(weight(32), x);
    ggml_tensor* k_scaled = ggml_scale(context_.get(), k, 2);
    ggml_tensor* v = mul_mat(weight(32), x);
    order({q_scaled, k_scaled, v});
    EXPECT_EQ(place(k), place(q) + 1);
    EXPECT_EQ(place(v), place(k) + 1);
    expect_sources_first();
}

TEST_F(GraphOrder, BiasesAndGatesFollowTheirMatmuls) {
    ggml_tensor* x = rows();
    ggml_tensor* bias = ggml_new_tensor_1d(context_.get(), GGML_TYPE_F32, 64);
    ggml_tensor* q = mul_mat(weight(64), x);
    ggml_tensor* scaled = ggml_scale(context_.get(), ggml_add(context_.get(), q, bias), 2);
    ggml_tensor* k = mul_mat(weight(64), x);
    ggml_tensor* k_biased = ggml_add(context_.get(), k, bias);
    order({scaled, ggml_scale(context_.get(), k_biased, 3)});
    EXPECT_EQ(place(k), place(q) + 1);
    EXPECT_EQ(place(k_biased), place(q) + 3);
    EXPECT_EQ(place(scaled), place(q) + 4);
    expect_sources_first();
}

TEST_F(GraphOrder, AnAdditionWaitsForItsOtherOperand) {
    ggml_tensor* x = rows();
    ggml_tensor* q = mul_mat(weight(64), x);
    ggml_tensor* late = ggml_scale(context_.get(), ggml_scale(context_.get(), q, 2), 2);
    ggml_tensor* sum = ggml_add(context_.get(), q, late);
    order({sum});
    EXPECT_GT(place(sum), place(late));
    expect_sources_first();
}

TEST_F(GraphOrder, AnAdditionInPlaceStaysBehindTheOthersThatReadItsOperand) {
    ggml_tensor* q = mul_mat(weight(64), rows());
    ggml_tensor* scaled = ggml_scale(context_.get(), q, 2);
    ggml_tensor* in_place = ggml_add_inplace(context_.get(), q, ggml_scale(context_.get(), q, 3));
    order({scaled, in_place});
    EXPECT_GT(place(in_place), place(scaled));
}

TEST_F(GraphOrder, AMatmulDoesNotPassWhatItReads) {
    ggml_tensor* x = rows();
    ggml_tensor* q = mul_mat(weight(64), x);
    ggml_tensor* computed = ggml_cast(context_.get(), weight(32), GGML_TYPE_F16);
    ggml_tensor* k = mul_mat(computed, x);
    order({q, ggml_scale(context_.get(), q, 2), k});
    EXPECT_GT(place(k), place(computed));
    expect_sources_first();
}

TEST_F(GraphOrder, AMatmulDoesNotPassAWriteIntoItsActivations) {
    ggml_tensor* x = rows();
    ggml_tensor* q = mul_mat(weight(64), x);
    ggml_tensor* write = ggml_cpy(context_.get(), rows(), x);
    ggml_tensor* k = mul_mat(weight(32), x);
    order({q, write, k});
    EXPECT_GT(place(k), place(write));
}

TEST_F(GraphOrder, OtherMatmulsKeepTheirPlaces) {
    ggml_tensor* x = rows();
    ggml_tensor* a = mul_mat(weight(64), x);
    ggml_tensor* b = mul_mat(weight(64), a);
    ggml_tensor* c = mul_mat(weight(64), b);
    order({c});
    EXPECT_EQ(place(a), 0);
    EXPECT_EQ(place(b), 1);
    EXPECT_EQ(place(c), 2);
}

}  // namespace
}  // namespace rosenblatt::ggml
