// SPDX-License-Identifier: MIT
// Whole graphs on ROCKET0 with the emulated NPU, against ggml's CPU backend.
#include "ggml/graph.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <tuple>

#include "ggml/buffer.hpp"
#include "ggml/device.hpp"
#include "ggml/graph_order.hpp"
#include "ggml/session.hpp"
#include "ggml_fixture.hpp"

namespace rosenblatt::ggml {
namespace {

// int8 weights and activations on random values; test-backend-ops allows 5e-4 as well.
constexpr double k_int8_error = 5e-4;

class Graph : public testing::Test {
  protected:
    void SetUp() override {
        start_ggml();
        context_ = make_context();
        rocket_.reset(ggml_backend_dev_init(device(), nullptr));
        cpu_.reset(ggml_backend_dev_init(cpu_device(), nullptr));
        ASSERT_TRUE(rocket_ && cpu_);
    }

    ggml_tensor* tensor(ggml_type type, int64_t ne0, int64_t ne1, int64_t ne2 = 1,
                        int64_t ne3 = 1) {
        return ggml_new_tensor_4d(context_.get(), type, ne0, ne1, ne2, ne3);
    }
    ggml_tensor* mul_mat(ggml_tensor* w, ggml_tensor* x) {
        return ggml_mul_mat(context_.get(), w, x);
    }

    // Memory of ours for every tensor, deterministic values in the leaves.
    void allocate(ggml_tensor* result) {
        graph_ = ggml_new_graph(context_.get());
        ggml_build_forward_expand(graph_, result);
        buffer_.reset(ggml_backend_alloc_ctx_tensors_from_buft(context_.get(), buffer_type()));
        ASSERT_TRUE(buffer_);
        uint32_t seed = 1;
        for (ggml_tensor* t = ggml_get_first_tensor(context_.get()); t;
             t = ggml_get_next_tensor(context_.get(), t))
            if (t->op == GGML_OP_NONE && t->type != GGML_TYPE_I32)
                set_values(t, noise(static_cast<size_t>(ggml_nelements(t)), seed++));
    }

    std::vector<float> run(const Backend& backend, const ggml_tensor* result) {
        EXPECT_EQ(ggml_backend_graph_compute(backend.get(), graph_), GGML_STATUS_SUCCESS);
        return get_values(result);
    }

    // As with llama.cpp's cb_eval, which sees every node's result.
    void node_by_node() {
        for (int i = 0; i < ggml_graph_n_nodes(graph_); ++i) {
            ggml_cgraph node = api::view(*graph_, i, i + 1);
            ASSERT_EQ(ggml_backend_graph_compute(rocket_.get(), &node), GGML_STATUS_SUCCESS);
        }
    }

    // Nodes of one evaluation of `result` that the NPU computed; the values are near the CPU's.
    uint64_t npu_nodes_of(ggml_tensor* result) {
        allocate(result);
        const uint64_t before = Session::get().counters().npu_nodes;
        const auto got = run(rocket_, result);
        const uint64_t nodes = Session::get().counters().npu_nodes - before;
        EXPECT_LT(relative_error(got, run(cpu_, result)), k_int8_error);
        return nodes;
    }

    Context context_;
    Buffer buffer_;
    Backend rocket_, cpu_;
    ggml_cgraph* graph_ = nullptr;
};

TEST_F(Graph, AMatrixMultiplicationRunsOnTheNpu) {
    EXPECT_EQ(npu_nodes_of(mul_mat(tensor(GGML_TYPE_Q8_0, 96, 40), tensor(GGML_TYPE_F32, 96, 7))),
              1u);
}

TEST_F(Graph, OneRowIsEnoughWhenEverythingIsSentToTheNpu) {
    EXPECT_EQ(npu_nodes_of(mul_mat(tensor(GGML_TYPE_F16, 64, 33), tensor(GGML_TYPE_F32, 64, 1))),
              1u);
}

TEST_F(Graph, BroadcastingMeetsEveryMatrixWithItsRows) {
    EXPECT_EQ(npu_nodes_of(mul_mat(tensor(GGML_TYPE_Q4_0, 64, 32, 2, 3),
                                   tensor(GGML_TYPE_F32, 64, 5, 4, 6))),
              1u);
}

TEST_F(Graph, StridedActivationsAreReadInPlace) {
    ggml_tensor* wide = tensor(GGML_TYPE_F32, 96, 6, 2);
    ggml_tensor* view =
        ggml_view_3d(context_.get(), wide, 64, 5, 2, wide->nb[1], wide->nb[2], 16 * sizeof(float));
    EXPECT_EQ(npu_nodes_of(mul_mat(tensor(GGML_TYPE_Q8_0, 64, 32), view)), 1u);
}

TEST_F(Graph, HalfPrecisionActivationsAreConverted) {
    EXPECT_EQ(npu_nodes_of(mul_mat(tensor(GGML_TYPE_F16, 64, 32), tensor(GGML_TYPE_F16, 64, 9))),
              1u);
}

TEST_F(Graph, OperationsBetweenMatmulsRunInOrderOnTheCpu) {
    ggml_tensor* x = tensor(GGML_TYPE_F32, 64, 6);
    ggml_tensor* up = mul_mat(tensor(GGML_TYPE_Q8_0, 64, 128), x);
    ggml_tensor* gated = ggml_mul(context_.get(), ggml_silu(context_.get(), up),
                                  mul_mat(tensor(GGML_TYPE_Q8_0, 64, 128), x));
    ggml_tensor* down = mul_mat(tensor(GGML_TYPE_Q8_0, 128, 64), gated);
    EXPECT_EQ(npu_nodes_of(ggml_add(context_.get(), down, x)), 3u);
}

TEST_F(Graph, NodeByNodeGivesTheSameBitsAsAtOnce) {
    ggml_tensor* x = tensor(GGML_TYPE_F32, 64, 6);
    ggml_tensor* y = ggml_silu(context_.get(), mul_mat(tensor(GGML_TYPE_Q8_0, 64, 64), x));
    ggml_tensor* result = mul_mat(tensor(GGML_TYPE_F16, 64, 64), y);
    allocate(result);
    const auto at_once = run(rocket_, result);
    node_by_node();
    EXPECT_EQ(get_values(result), at_once);
}

TEST_F(Graph, MatmulsOfOneXQuantiseItOnceAndGiveTheSameBits) {
    ggml_tensor* x = tensor(GGML_TYPE_F32, 64, 40);
    ggml_tensor* q = mul_mat(tensor(GGML_TYPE_Q8_0, 64, 64), x);
    ggml_tensor* k = mul_mat(tensor(GGML_TYPE_F16, 64, 64), x);
    ggml_tensor* v = mul_mat(tensor(GGML_TYPE_Q4_0, 64, 64), x);
    ggml_tensor* result = ggml_concat(context_.get(), ggml_concat(context_.get(), q, k, 0), v, 0);
    allocate(result);
    put_matmuls_together(*graph_);
    Counters& counters = Session::get().counters();
    const uint64_t passes = counters.passes;
    const uint64_t submits = Session::get().npu()->stats().submits;
    const auto together = run(rocket_, result);
    EXPECT_EQ(counters.passes - passes, 4u);
    const uint64_t shared = Session::get().npu()->stats().submits - submits;
    node_by_node();
    EXPECT_EQ(get_values(result), together);
    EXPECT_EQ(Session::get().npu()->stats().submits - submits - shared, 3 * shared);
}

TEST_F(Graph, ExpertsRunOnTheNpuEachWithItsOwnRows) {
    constexpr int k_experts = 6, k_used = 2, k_tokens = 33;
    for (const int x_rows : {1, k_used}) {
        SetUp();
        ggml_tensor* ids = ggml_new_tensor_2d(context_.get(), GGML_TYPE_I32, k_used, k_tokens);
        ggml_tensor* result =
            ggml_mul_mat_id(context_.get(), tensor(GGML_TYPE_Q8_0, 64, 48, k_experts),
                            tensor(GGML_TYPE_F32, 64, x_rows, k_tokens), ids);
        allocate(result);
        for (int t = 0; t < k_tokens; ++t)
            for (int u = 0; u < k_used; ++u)  // the last expert meets no row
                set_id(ids, u, t, (t * t + u * 2) % (k_experts - 1));
        const uint64_t before = Session::get().counters().npu_nodes;
        const auto got = run(rocket_, result);
        EXPECT_EQ(Session::get().counters().npu_nodes, before + 1);
        EXPECT_LT(relative_error(got, run(cpu_, result)), k_int8_error);
    }
}

TEST_F(Graph, ExpertsWhoseActivationsInt8CannotHoldAreComputedByTheCpu) {
    ggml_tensor* ids = ggml_new_tensor_2d(context_.get(), GGML_TYPE_I32, 1, 4);
    ggml_tensor* x = tensor(GGML_TYPE_F32, 64, 1, 4);
    ggml_tensor* result = ggml_mul_mat_id(context_.get(), tensor(GGML_TYPE_F16, 64, 32, 2), x, ids);
    allocate(result);
    for (int t = 0; t < 4; ++t) set_id(ids, 0, t, t / 2);
    const float bad = std::numeric_limits<float>::infinity();
    ggml_backend_tensor_set(x, &bad, 3 * x->nb[2], sizeof(float));  // in the second expert's rows
    const uint64_t before = Session::get().counters().npu_nodes;
    const auto got = run(rocket_, result);
    EXPECT_EQ(Session::get().counters().npu_nodes, before);
    const auto expected = run(cpu_, result);
    for (size_t i = 0; i < got.size(); ++i)
        EXPECT_TRUE(got[i] == expected[i] || (std::isnan(got[i]) && std::isnan(expected[i]))) << i;
}

TEST_F(Graph, NewValuesOfAWeightReplaceItsTiles) {
    ggml_tensor* w = tensor(GGML_TYPE_Q8_0, 64, 32);
    ggml_tensor* result = mul_mat(w, tensor(GGML_TYPE_F32, 64, 4));
    allocate(result);
    const auto first = run(rocket_, result);
    set_values(w, noise(64 * 32, 99));
    const auto second = run(rocket_, result);
    EXPECT_GT(relative_error(second, first), 0.5);
    EXPECT_LT(relative_error(second, run(cpu_, result)), k_int8_error);
}

TEST_F(Graph, AWeightThatAnOperationWritesLosesItsTiles) {
    ggml_tensor* w = tensor(GGML_TYPE_F16, 64, 32);
    ggml_tensor* result = mul_mat(w, tensor(GGML_TYPE_F32, 64, 4));
    ggml_tensor* other = tensor(GGML_TYPE_F32, 64, 32);
    ggml_tensor* write = ggml_cpy(context_.get(), other, w);
    allocate(result);
    const auto before = run(rocket_, result);
    ggml_cgraph* writing = ggml_new_graph(context_.get());
    ggml_build_forward_expand(writing, write);
    ASSERT_EQ(ggml_backend_graph_compute(rocket_.get(), writing), GGML_STATUS_SUCCESS);
    const auto after = run(rocket_, result);
    EXPECT_GT(relative_error(after, before), 0.5);
    EXPECT_LT(relative_error(after, run(cpu_, result)), k_int8_error);
}

TEST_F(Graph, ViewsOfOneWeightAreWeights) {
    ggml_tensor* fused = tensor(GGML_TYPE_Q8_0, 64, 96);
    ggml_tensor* x = tensor(GGML_TYPE_F32, 64, 5);
    const auto part = [&](int64_t rows, size_t first) {
        return ggml_view_2d(context_.get(), fused, 64, rows, fused->nb[1], first * fused->nb[1]);
    };
    ggml_tensor* sum = ggml_add(context_.get(), mul_mat(part(32, 0), x), mul_mat(part(32, 64), x));
    EXPECT_EQ(npu_nodes_of(sum), 2u);
}

TEST_F(Graph, PermutedWeightsAreReadInPlace) {
    ggml_tensor* w = ggml_permute(context_.get(), tensor(GGML_TYPE_F16, 64, 3, 32), 0, 2, 1, 3);
    EXPECT_EQ(npu_nodes_of(mul_mat(w, tensor(GGML_TYPE_F32, 64, 4, 3))), 1u);
}

TEST_F(Graph, AKvCacheIsNotAWeightBecauseEveryGraphWritesIt) {
    ggml_tensor* cache = tensor(GGML_TYPE_F16, 64, 32);
    ggml_tensor* keys = ggml_view_2d(context_.get(), cache, 64, 16, cache->nb[1], 0);
    ggml_tensor* write = ggml_cpy(context_.get(), tensor(GGML_TYPE_F32, 64, 16), keys);
    ggml_tensor* read = ggml_view_2d(context_.get(), cache, 64, 32, cache->nb[1], 0);
    ggml_tensor* scores = mul_mat(read, tensor(GGML_TYPE_F32, 64, 4));
    allocate(scores);
    graph_ = ggml_new_graph(context_.get());
    ggml_build_forward_expand(graph_, write);
    ggml_build_forward_expand(graph_, scores);
    const uint64_t before = Session::get().counters().npu_nodes;
    const auto got = run(rocket_, scores);
    EXPECT_EQ(Session::get().counters().npu_nodes, before);
    EXPECT_EQ(got, run(cpu_, scores));
}

TEST_F(Graph, ActivationsThatInt8CannotHoldAreComputedByTheCpu) {
    constexpr float k_inf = std::numeric_limits<float>::infinity();
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), k_inf, -k_inf, 1e30F}) {
        SetUp();
        ggml_tensor* x = tensor(GGML_TYPE_F32, 64, 3);
        ggml_tensor* result = mul_mat(tensor(GGML_TYPE_F16, 64, 32), x);
        allocate(result);
        ggml_backend_tensor_set(x, &bad, 5 * sizeof(float), sizeof(float));
        const auto got = run(rocket_, result);
        const auto expected = run(cpu_, result);
        for (size_t i = 0; i < got.size(); ++i)
            EXPECT_TRUE(got[i] == expected[i] || (std::isnan(got[i]) && std::isnan(expected[i])))
                << i << ": " << got[i] << ", " << expected[i];
    }
}

TEST_F(Graph, RowsOfDenormalsAreComputedByTheCpu) {
    ggml_tensor* x = tensor(GGML_TYPE_F32, 64, 3);
    ggml_tensor* result = mul_mat(tensor(GGML_TYPE_F16, 64, 32), x);
    allocate(result);
    const std::vector<float> denormals(64, 1e-40F);
    ggml_backend_tensor_set(x, denormals.data(), 0, 64 * sizeof(float));
    const uint64_t before = Session::get().counters().npu_nodes;
    const auto got = run(rocket_, result);
    EXPECT_EQ(Session::get().counters().npu_nodes, before);
    EXPECT_EQ(got, run(cpu_, result));
}

TEST_F(Graph, ADenormalAmongOrdinaryValuesIsNothingToTheNpu) {
    ggml_tensor* x = tensor(GGML_TYPE_F32, 64, 3);
    ggml_tensor* result = mul_mat(tensor(GGML_TYPE_F16, 64, 32), x);
    allocate(result);
    const float denormal = -1e-42F;
    ggml_backend_tensor_set(x, &denormal, 70 * sizeof(float), sizeof(float));
    const uint64_t before = Session::get().counters().npu_nodes;
    const auto got = run(rocket_, result);
    EXPECT_EQ(Session::get().counters().npu_nodes, before + 1);
    EXPECT_LT(relative_error(got, run(cpu_, result)), k_int8_error);
}

TEST_F(Graph, ShapesOfOneRowChannelAndColumnAreComputedAndEmptyOnesNotTouched) {
    for (const auto& [k, m, n] : {std::tuple{1, 1, 1}, {1, 5, 70}, {33, 1, 1}, {32, 0, 32}}) {
        SetUp();
        ggml_tensor* result = mul_mat(tensor(GGML_TYPE_F16, k, n), tensor(GGML_TYPE_F32, k, m));
        allocate(result);
        const auto got = run(rocket_, result);
        const auto expected = run(cpu_, result);
        EXPECT_EQ(got.size(), static_cast<size_t>(m * n));
        if (m > 0) {
            EXPECT_LT(relative_error(got, expected), k_int8_error) << k << " " << m << " " << n;
        }
    }
}

TEST_F(Graph, AWeightWithNanStaysOnTheCpu) {
    ggml_tensor* w = tensor(GGML_TYPE_F16, 64, 32);
    ggml_tensor* result = mul_mat(w, tensor(GGML_TYPE_F32, 64, 3));
    allocate(result);
    const ggml_fp16_t nan = ggml_fp32_to_fp16(std::nanf(""));
    ggml_backend_tensor_set(w, &nan, 10 * sizeof(nan), sizeof(nan));
    const uint64_t before = Session::get().counters().npu_nodes;
    const auto got = run(rocket_, result);
    EXPECT_EQ(Session::get().counters().npu_nodes, before);
    EXPECT_TRUE(std::isnan(got[0]));
    EXPECT_EQ(got[1], run(cpu_, result)[1]);
}

TEST_F(Graph, NodesThatThisEvaluationDoesNotNeedAreLeftOut) {
    ggml_tensor* result = mul_mat(tensor(GGML_TYPE_Q8_0, 64, 32), tensor(GGML_TYPE_F32, 64, 4));
    allocate(result);
    ggml_backend_tensor_memset(result, 0, 0, ggml_nbytes(result));
    result->flags &= ~GGML_TENSOR_FLAG_COMPUTE;
    EXPECT_EQ(run(rocket_, result), std::vector<float>(32 * 4, 0.0f));
}

}  // namespace
}  // namespace rosenblatt::ggml
