// SPDX-License-Identifier: MIT
// What is fused with matmuls has the bits of the same graph node by node, where nothing is fused.
#include "ggml/fusion.hpp"

#include <ggml-alloc.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "ggml/buffer.hpp"
#include "ggml/device.hpp"
#include "ggml/graph_order.hpp"
#include "ggml/session.hpp"
#include "ggml_fixture.hpp"

namespace rosenblatt::ggml {
namespace {

constexpr float k_epsilon = 1e-6F;

struct FreeAllocator {
    void operator()(ggml_gallocr* allocator) const { ggml_gallocr_free(allocator); }
};

/// Leaves in a buffer of their own; results where ggml's allocator puts them, which gives memory to
/// the next result as soon as nobody reads it any more.
class Fused : public testing::Test {
  protected:
    void SetUp() override {
        start_ggml();
        leaves_ = make_context();
        nodes_ = make_context();
        rocket_.reset(ggml_backend_dev_init(device(), nullptr));
        cpu_.reset(ggml_backend_dev_init(cpu_device(), nullptr));
        ASSERT_TRUE(rocket_ && cpu_);
    }

    ggml_context* ctx() { return nodes_.get(); }
    ggml_tensor* leaf(ggml_type type, int64_t ne0, int64_t ne1, int64_t ne2 = 1) {
        return ggml_new_tensor_3d(leaves_.get(), type, ne0, ne1, ne2);
    }
    ggml_tensor* rows(int64_t k, int64_t m) { return leaf(GGML_TYPE_F32, k, m); }
    ggml_tensor* linear(int64_t n, ggml_tensor* x, ggml_type type = GGML_TYPE_Q8_0) {
        return ggml_mul_mat(ctx(), leaf(type, x->ne[0], n), x);
    }
    ggml_tensor* norm(ggml_tensor* x) {
        return ggml_mul(ctx(), ggml_rms_norm(ctx(), x, k_epsilon), rows(x->ne[0], 1));
    }
    ggml_tensor* plus(ggml_tensor* a, ggml_tensor* b) { return ggml_add(ctx(), a, b); }

    void allocate(std::initializer_list<ggml_tensor*> results, uint32_t seed = 1) {
        graph_ = ggml_new_graph(ctx());
        for (ggml_tensor* result : results) {
            ggml_set_output(result);
            ggml_build_forward_expand(graph_, result);
        }
        put_matmuls_together(*graph_);
        buffer_.reset(ggml_backend_alloc_ctx_tensors_from_buft(leaves_.get(), buffer_type()));
        ASSERT_TRUE(buffer_);
        for (ggml_tensor* t = ggml_get_first_tensor(leaves_.get()); t;
             t = ggml_get_next_tensor(leaves_.get(), t))
            set_values(t, noise(static_cast<size_t>(ggml_nelements(t)), seed++));
        allocator_.reset(ggml_gallocr_new(buffer_type()));
        ASSERT_TRUE(ggml_gallocr_alloc_graph(allocator_.get(), graph_));
    }

    /// Passes over activations of one evaluation.
    uint64_t compute() {
        const uint64_t before = Session::get().counters().passes;
        EXPECT_EQ(ggml_backend_graph_compute(rocket_.get(), graph_), GGML_STATUS_SUCCESS);
        return Session::get().counters().passes - before;
    }
    void node_by_node(const Backend& backend) {
        for (int i = 0; i < ggml_graph_n_nodes(graph_); ++i) {
            ggml_cgraph node = api::view(*graph_, i, i + 1);
            ASSERT_EQ(ggml_backend_graph_compute(backend.get(), &node), GGML_STATUS_SUCCESS);
        }
    }

    /// Passes of one evaluation, whose results have the bits of the unfused one.
    uint64_t passes(std::initializer_list<ggml_tensor*> results, uint32_t seed = 1) {
        allocate(results, seed);
        const uint64_t passes = compute();
        std::vector<std::vector<float>> fused;
        for (const ggml_tensor* result : results) fused.push_back(get_values(result));
        node_by_node(rocket_);
        size_t i = 0;
        for (const ggml_tensor* result : results) EXPECT_EQ(get_values(result), fused[i++]);
        return passes;
    }

    Context leaves_, nodes_;
    Buffer buffer_;
    std::unique_ptr<ggml_gallocr, FreeAllocator> allocator_;
    Backend rocket_, cpu_;
    ggml_cgraph* graph_ = nullptr;
};

// X is packed once, each product unpacked once.

TEST_F(Fused, ABiasTakesNoPassOfItsOwn) {
    EXPECT_EQ(passes({plus(linear(72, rows(64, 40)), rows(72, 1))}), 2u);
}

TEST_F(Fused, AResidualTakesNoPassOfItsOwn) {
    ggml_tensor* x = rows(96, 40);
    EXPECT_EQ(passes({plus(x, plus(linear(96, x), rows(96, 1)))}), 2u);
}

TEST_F(Fused, QueryKeyAndValueShareTheNormAndAddTheirBiases) {
    ggml_tensor* x = norm(rows(128, 33));
    ggml_tensor* q = plus(linear(128, x), rows(128, 1));
    ggml_tensor* k = plus(linear(48, x, GGML_TYPE_Q4_0), rows(48, 1));
    ggml_tensor* v = linear(48, x);
    EXPECT_EQ(passes({q, k, v}), 4u);
}

TEST_F(Fused, ANormWithoutGainIsFusedToo) {
    EXPECT_EQ(passes({linear(64, ggml_rms_norm(ctx(), rows(64, 20), k_epsilon))}), 2u);
}

// X is packed, and down's result unpacked with the residual: what stands between is in a cache
// only.
TEST_F(Fused, AFeedForwardBlockTakesTwoPassesAndWritesNothingInBetween) {
    for (const int64_t m : {9, 31, 40, 176, 300}) {
        SetUp();
        ggml_tensor* x = rows(128, m);
        ggml_tensor* normed = norm(x);
        ggml_tensor* up = plus(linear(1312, normed, GGML_TYPE_F16), rows(1312, 1));
        ggml_tensor* gated = ggml_swiglu_split(ctx(), linear(1312, normed), up);
        ggml_tensor* result = plus(linear(128, gated), x);
        SCOPED_TRACE(std::to_string(m) + " rows");
        EXPECT_EQ(passes({result}), 2u);
        // Node by node the middle was written; now its memory keeps what is put there.
        if (gated->data == result->data) continue;
        const std::vector<float> mark(static_cast<size_t>(ggml_nelements(gated)), 123.0F);
        set_values(gated, mark);
        const auto expected = get_values(result);
        compute();
        EXPECT_EQ(get_values(result), expected);
        EXPECT_EQ(get_values(gated), mark);
    }
}

TEST_F(Fused, EveryGateStandsBackToBackWithTheBitsOfGgml) {
    for (const auto op : {GGML_GLU_OP_REGLU, GGML_GLU_OP_GEGLU, GGML_GLU_OP_SWIGLU,
                          GGML_GLU_OP_GEGLU_ERF, GGML_GLU_OP_GEGLU_QUICK}) {
        SetUp();
        ggml_tensor* x = rows(64, 50);
        ggml_tensor* gated = ggml_glu_split(ctx(), linear(608, x), linear(608, x), op);
        EXPECT_EQ(passes({plus(linear(64, gated), rows(64, 1))}), 2u) << "gate " << op;
    }
}

TEST_F(Fused, AFewRowsAreRefinedAndTheirMiddleIsWritten) {
    ggml_tensor* x = rows(64, 8);
    ggml_tensor* gated = ggml_swiglu_split(ctx(), linear(320, x), linear(320, x));
    EXPECT_EQ(passes({linear(64, gated)}), 4u);
}

TEST_F(Fused, AMiddleThatOthersReadOrThatIsAnOutputIsWritten) {
    ggml_tensor* x = rows(64, 40);
    ggml_tensor* gated = ggml_swiglu_split(ctx(), linear(320, x), linear(320, x));
    EXPECT_EQ(passes({gated, linear(64, gated)}), 4u);
    SetUp();
    x = rows(64, 40);
    gated = ggml_swiglu_split(ctx(), linear(320, x), linear(320, x));
    EXPECT_EQ(passes({linear(64, gated), ggml_scale(ctx(), gated, 2)}), 5u);
}

TEST_F(Fused, AnOverflowingMiddleIsComputedByTheCpu) {
    ggml_tensor* x = rows(64, 40);
    const ggml_type type = GGML_TYPE_F16;  // the CPU has one layout of it
    ggml_tensor* gated = ggml_glu_split(
        ctx(), linear(320, x, type), plus(linear(320, x, type), rows(320, 1)), GGML_GLU_OP_REGLU);
    ggml_tensor* result = linear(64, gated, type);
    allocate({result});
    ggml_tensor* bias = gated->src[1]->src[1];
    std::vector<float> values = get_values(bias);
    values[200] = 1e38F;
    set_values(bias, values);
    compute();
    const auto got = get_values(result);
    node_by_node(rocket_);
    const auto expected = get_values(result);
    for (size_t i = 0; i < got.size(); ++i)
        EXPECT_TRUE(got[i] == expected[i] || (std::isnan(got[i]) && std::isnan(expected[i]))) << i;
}

TEST_F(Fused, OutliersOfTheMiddleComeBackInItsOwnProduct) {
    ggml_tensor* x = rows(256, 24);
    ggml_tensor* up = plus(linear(1120, x), rows(1120, 1));
    ggml_tensor* gated = ggml_swiglu_split(ctx(), linear(1120, x), up);
    ggml_tensor* result = linear(64, gated);
    allocate({result});
    std::vector<float> bias = get_values(up->src[1]);
    bias[77] = 4000.0F;
    set_values(up->src[1], bias);
    const float massive = 60.0F;
    for (size_t m = 0; m < 24; m += 5)
        ggml_backend_tensor_set(x, &massive, m * x->nb[1] + m * 7 * sizeof(float), sizeof(float));
    EXPECT_EQ(compute(), 2u);
    const auto fused = get_values(result);
    node_by_node(rocket_);
    EXPECT_EQ(get_values(result), fused);
    node_by_node(cpu_);
    EXPECT_LT(relative_error(fused, get_values(result)), 2e-3);
}

TEST_F(Fused, EveryGateHasTheBitsOfGgml) {
    const int64_t columns[] = {33, 100, 1056};
    const int64_t heights[] = {1, 5, 50};
    for (const int64_t n : columns)
        for (const int64_t m : heights) {
            SetUp();
            ggml_tensor* x = rows(64, m);
            const auto gate = [&] { return plus(linear(n, x), rows(n, 1)); };
            std::vector<ggml_tensor*> results;
            for (const auto op : {GGML_GLU_OP_REGLU, GGML_GLU_OP_GEGLU, GGML_GLU_OP_SWIGLU,
                                  GGML_GLU_OP_GEGLU_ERF, GGML_GLU_OP_GEGLU_QUICK}) {
                ggml_tensor* a = gate();
                results.push_back(ggml_glu_split(ctx(), a, gate(), op));
            }
            ggml_tensor* a = gate();
            results.push_back(ggml_swiglu_oai(ctx(), a, gate(), 1.702F, 0.5F));
            ggml_tensor* b = gate();
            results.push_back(ggml_swiglu_clamp(ctx(), b, gate(), 0.5F));
            SCOPED_TRACE(std::to_string(n) + " columns, " + std::to_string(m) + " rows");
            EXPECT_EQ(passes({results[0], results[1], results[2], results[3], results[4],
                              results[5], results[6]}),
                      8u);
        }
}

TEST_F(Fused, WhatOthersReadIsWritten) {
    ggml_tensor* x = rows(64, 20);
    ggml_tensor* product = linear(64, x);
    ggml_tensor* sum = plus(product, rows(64, 1));
    ggml_tensor* other = ggml_scale(ctx(), product, 2);
    EXPECT_EQ(passes({sum, other}), 4u);
}

TEST_F(Fused, OutputsAreWritten) {
    ggml_tensor* product = linear(64, norm(rows(64, 20)));
    EXPECT_EQ(passes({product, plus(product, rows(64, 1))}), 3u);
}

TEST_F(Fused, ANormThatOthersReadIsWritten) {
    ggml_tensor* x = norm(rows(64, 20));
    EXPECT_EQ(passes({plus(linear(64, x), x)}), 4u);
}

TEST_F(Fused, AResultThatTakesTheMemoryOfWhatIsReadIsNotFused) {
    ggml_tensor* x = rows(64, 40);
    ggml_tensor* source = ggml_scale(ctx(), x, 1.5F);
    ggml_tensor* result = plus(linear(64, norm(source)), rows(64, 1));
    allocate({result});
    const uint64_t apart = compute();
    const auto expected = get_values(result);
    result->data = source->data;
    node_by_node(rocket_);
    EXPECT_EQ(get_values(result), expected);
    EXPECT_GT(compute(), apart);
    EXPECT_EQ(get_values(result), expected);
}

TEST_F(Fused, OutliersOfXComeBackBeforeBiasAndGate) {
    ggml_tensor* x = rows(256, 24);
    ggml_tensor* biased = plus(linear(100, x), rows(100, 1));
    ggml_tensor* gated = ggml_swiglu_split(ctx(), linear(1100, x), linear(1100, x));
    allocate({biased, gated});
    for (size_t m = 0; m < 24; m += 3) {
        const float massive = 40.0F + static_cast<float>(m);
        ggml_backend_tensor_set(x, &massive, m * x->nb[1] + m * 7 * sizeof(float), sizeof(float));
    }
    EXPECT_EQ(compute(), 3u);
    const auto first = get_values(biased), second = get_values(gated);
    node_by_node(rocket_);
    EXPECT_EQ(get_values(biased), first);
    EXPECT_EQ(get_values(gated), second);
    node_by_node(cpu_);
    EXPECT_LT(relative_error(first, get_values(biased)), 1e-3);
    EXPECT_LT(relative_error(second, get_values(gated)), 1e-3);
}

TEST_F(Fused, RowsThatInt8CannotHoldAreComputedByTheCpuWithAllThatIsFused) {
    ggml_tensor* x = rows(64, 40);
    ggml_tensor* normed = norm(x);
    const ggml_type type = GGML_TYPE_F16;  // the CPU has one layout of it
    ggml_tensor* gated =
        ggml_swiglu_split(ctx(), linear(96, normed, type), linear(96, normed, type));
    ggml_tensor* result = plus(linear(64, gated, type), x);
    allocate({result});
    const float bad = std::numeric_limits<float>::infinity();
    ggml_backend_tensor_set(x, &bad, 21 * x->nb[1], sizeof(float));
    const uint64_t before = Session::get().counters().npu_nodes;
    compute();
    EXPECT_EQ(Session::get().counters().npu_nodes, before);
    const auto got = get_values(result);
    node_by_node(cpu_);
    const auto expected = get_values(result);
    for (size_t i = 0; i < got.size(); ++i)
        EXPECT_TRUE(got[i] == expected[i] || (std::isnan(got[i]) && std::isnan(expected[i]))) << i;
}

TEST_F(Fused, RandomBlocksHaveTheBitsOfTheirNodes) {
    for (uint32_t seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        SetUp();
        std::mt19937 random(seed);
        const auto draw = [&](int64_t low, int64_t high) {
            return low + static_cast<int64_t>(random() % static_cast<uint32_t>(high - low + 1));
        };
        const auto chance = [&] { return random() % 2 == 0; };
        const int64_t m = chance() ? draw(1, 12) : draw(13, 300);
        const int64_t k = 32 * draw(1, 20), n = chance() ? draw(1, 700) : 32 * draw(1, 40);
        ggml_tensor* input = rows(k, m);
        ggml_tensor* x = chance() ? norm(input) : ggml_rms_norm(ctx(), input, k_epsilon);
        const auto product = [&](int64_t columns, ggml_tensor* of) {
            ggml_tensor* y = linear(columns, of, chance() ? GGML_TYPE_Q8_0 : GGML_TYPE_F16);
            return chance() ? y : plus(y, rows(columns, 1));
        };
        ggml_tensor* result = product(n, x);
        if (chance()) {
            const auto op = static_cast<ggml_glu_op>(draw(GGML_GLU_OP_REGLU, GGML_GLU_OP_SWIGLU));
            result = ggml_glu_split(ctx(), result, product(n, x), op);
        }
        if (n % 32 == 0 && chance()) result = product(draw(1, 200), result);
        if (n % 32 == 0 || chance()) {
            ggml_tensor* wide = linear(32 * draw(1, 10), input);
            result = plus(product(result->ne[0], wide), result);
        }
        passes({result}, seed);
    }
}

}  // namespace
}  // namespace rosenblatt::ggml
