// SPDX-License-Identifier: MIT
// Which MUL_MATs the NPU may have, and why not the others.
#include "ggml/mul_mat.hpp"

#include <gtest/gtest.h>

#include "ggml/buffer.hpp"
#include "ggml_fixture.hpp"

namespace rosenblatt::ggml {
namespace {

class Suitability : public testing::Test {
  protected:
    void SetUp() override {
        start_ggml();
        context_ = make_context();
        buffer_.reset(ggml_backend_buft_alloc_buffer(buffer_type(), size_t{1} << 20));
    }

    ggml_tensor* weight(ggml_type type, int64_t k, int64_t n, int64_t ne2 = 1) {
        ggml_tensor* tensor = ggml_new_tensor_3d(context_.get(), type, k, n, ne2);
        tensor->buffer = buffer_.get();
        tensor->data = ggml_backend_buffer_get_base(buffer_.get());
        return tensor;
    }
    ggml_tensor* activations(int64_t k, int64_t m, int64_t ne2 = 1) {
        return ggml_new_tensor_3d(context_.get(), GGML_TYPE_F32, k, m, ne2);
    }
    ggml_tensor* product(ggml_tensor* w, ggml_tensor* x) {
        return ggml_mul_mat(context_.get(), w, x);
    }
    static std::optional<Refusal> why(const ggml_tensor* node) {
        return unsuitable(*node, Pipeline::W8A8H);
    }

    Context context_;
    Buffer buffer_;
};

TEST_F(Suitability, EveryWeightTypeThatCanBeDequantisedIsWelcomeExceptF32) {
    for (int t = 0; t < GGML_TYPE_COUNT; ++t) {
        const auto type = static_cast<ggml_type>(t);
        if (ggml_blck_size(type) == 0) continue;  // a number that is no longer used
        const auto refusal = why(product(weight(type, 256, 64), activations(256, 8)));
        if (type == GGML_TYPE_F16 || type == GGML_TYPE_BF16 ||
            (ggml_is_quantized(type) && ggml_get_type_traits(type)->to_float))
            EXPECT_FALSE(refusal) << ggml_type_name(type) << ": " << name(*refusal);
        else
            EXPECT_TRUE(refusal) << ggml_type_name(type);
    }
    EXPECT_EQ(why(product(weight(GGML_TYPE_F32, 256, 64), activations(256, 8))),
              Refusal::WeightF32);
}

TEST_F(Suitability, AViewOfAWeightIsOneButAResultIsNot) {
    ggml_tensor* w = weight(GGML_TYPE_F16, 64, 64);
    ggml_tensor* view = ggml_view_2d(context_.get(), w, 64, 32, w->nb[1], 0);
    EXPECT_FALSE(why(product(view, activations(64, 8))));
    ggml_tensor* turned = ggml_transpose(context_.get(), w);
    EXPECT_EQ(why(ggml_mul_mat(context_.get(), ggml_reshape_2d(context_.get(), w, 32, 128),
                               activations(32, 8))),
              std::nullopt);
    turned->ne[0] = 64;  // ggml itself refuses transposed weights
    ggml_tensor* node = product(w, activations(64, 8));
    node->src[0] = turned;
    EXPECT_EQ(why(node), Refusal::Layout);
    ggml_tensor* scaled = ggml_scale_inplace(context_.get(), w, 2.0f);
    EXPECT_EQ(why(product(scaled, activations(64, 8))), Refusal::WeightIsComputed);
    ggml_tensor* result = ggml_cast(context_.get(), activations(64, 64), GGML_TYPE_F16);
    EXPECT_EQ(why(product(result, activations(64, 8))), Refusal::WeightIsComputed);
}

TEST_F(Suitability, MemoryThatIsNotOursOrThatResultsAreWrittenOverHoldsNoWeights) {
    ggml_tensor* w = weight(GGML_TYPE_Q8_0, 64, 64);
    w->buffer = nullptr;
    EXPECT_EQ(why(product(w, activations(64, 8))), Refusal::WeightElsewhere);
    ggml_backend_buffer_set_usage(buffer_.get(), GGML_BACKEND_BUFFER_USAGE_COMPUTE);
    EXPECT_EQ(why(product(weight(GGML_TYPE_Q8_0, 64, 64), activations(64, 8))),
              Refusal::WeightInComputeBuffer);
}

TEST_F(Suitability, AnOperationMayForbidQuantisedActivationsButNotExactAccumulators) {
    ggml_tensor* node = product(weight(GGML_TYPE_F16, 64, 64), activations(64, 8));
    ggml_prec_set_acc(node, GGML_PREC_F32);
    EXPECT_FALSE(why(node));
    ggml_prec_set_src(node, GGML_PREC_Q8, 1);
    EXPECT_FALSE(why(node));
    ggml_prec_set_src(node, GGML_PREC_F16, 1);
    EXPECT_EQ(why(node), Refusal::Precision);
    EXPECT_FALSE(unsuitable(*node, Pipeline::F16));
    ggml_prec_set_src(node, GGML_PREC_F32, 1);
    EXPECT_EQ(unsuitable(*node, Pipeline::F16), Refusal::Precision);
}

TEST_F(Suitability, GgmlsOwnHadamardTransformIsLeftToIt) {
    ggml_tensor* node = product(weight(GGML_TYPE_F16, 64, 64), activations(64, 8));
    ggml_mul_mat_set_hint(node, GGML_HINT_SRC0_IS_HADAMARD);
    EXPECT_EQ(why(node), Refusal::HadamardHint);
}

TEST_F(Suitability, EmptyMatricesAreNobodysWork) {
    EXPECT_EQ(why(product(weight(GGML_TYPE_F16, 64, 64), activations(64, 0))),
              Refusal::EmptyMatrix);
    EXPECT_EQ(why(product(weight(GGML_TYPE_F16, 64, 0), activations(64, 8))), Refusal::EmptyMatrix);
}

TEST_F(Suitability, RowsMayBeStridedButNotTransposed) {
    ggml_tensor* wide = activations(128, 8);
    ggml_tensor* half = ggml_view_2d(context_.get(), wide, 64, 8, wide->nb[1], 0);
    EXPECT_FALSE(why(product(weight(GGML_TYPE_F16, 64, 64), half)));
    ggml_tensor* turned = ggml_transpose(context_.get(), activations(8, 64));
    EXPECT_EQ(why(product(weight(GGML_TYPE_F16, 64, 64), turned)), Refusal::Layout);
}

TEST_F(Suitability, ShapesCountTheRowsThatBroadcastOverOneMatrix) {
    const auto plain =
        mul_mat_shape(*product(weight(GGML_TYPE_F16, 64, 96), activations(64, 5, 3)));
    EXPECT_EQ(plain.m, 15);
    EXPECT_EQ(plain.k, 64);
    EXPECT_EQ(plain.n, 96);
    EXPECT_EQ(plain.matrices, 1);
    const ggml_tensor* node = product(weight(GGML_TYPE_F16, 64, 96, 2), activations(64, 5, 6));
    const auto two = mul_mat_shape(*node);
    EXPECT_EQ(two.m, 15);
    EXPECT_EQ(two.matrices, 2);
    EXPECT_EQ(mul_mat_macs(*node), 15u * 64 * 96 * 2);
}

TEST_F(Suitability, ExpertsCountAsDealtEvenlyOverTheTokensThatThereAre) {
    const auto shape = [&](int64_t used, int64_t tokens) {
        ggml_tensor* ids = ggml_new_tensor_2d(context_.get(), GGML_TYPE_I32, used, tokens);
        return mul_mat_shape(*ggml_mul_mat_id(context_.get(), weight(GGML_TYPE_Q8_0, 64, 32, 8),
                                              activations(64, used, tokens), ids));
    };
    EXPECT_EQ(shape(2, 1).matrices, 2);
    EXPECT_EQ(shape(2, 1).m, 1);
    EXPECT_EQ(shape(3, 9).matrices, 8);
    EXPECT_EQ(shape(3, 9).m, 4);
}

TEST_F(Suitability, OnlyMatmulsOfTheSameActivationsShareThem) {
    ggml_tensor* x = activations(64, 8);
    const ggml_tensor* q = product(weight(GGML_TYPE_F16, 64, 64), x);
    EXPECT_TRUE(share_x(*q, *product(weight(GGML_TYPE_Q8_0, 64, 32), x)));
    EXPECT_FALSE(share_x(*q, *product(weight(GGML_TYPE_F16, 64, 64), activations(64, 8))));
    ggml_tensor* batch = activations(64, 8, 2);
    EXPECT_FALSE(share_x(*product(weight(GGML_TYPE_F16, 64, 64, 2), batch),
                         *product(weight(GGML_TYPE_F16, 64, 64), batch)));
}

}  // namespace
}  // namespace rosenblatt::ggml
