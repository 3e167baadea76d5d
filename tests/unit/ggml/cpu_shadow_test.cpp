// SPDX-License-Identifier: MIT
// Weights in the layouts of ggml's CPU backend: the same results as without us, whoever writes.
#include "ggml/cpu_shadow.hpp"

#include <gtest/gtest.h>

#include "ggml/buffer.hpp"
#include "ggml/device.hpp"
#include "ggml/session.hpp"
#include "ggml_fixture.hpp"

namespace rosenblatt::ggml {
namespace {

class CpuShadow : public testing::Test {
  protected:
    void SetUp() override {
        start_ggml();
        context_ = make_context();
        auto cpu = CpuDelegate::create();
        ASSERT_TRUE(cpu) << cpu.error().message;
        cpu_ = std::move(*cpu);
        w_ = ggml_new_tensor_2d(context_.get(), GGML_TYPE_Q4_K, 512, 64);
        x_ = ggml_new_tensor_2d(context_.get(), GGML_TYPE_F32, 512, 5);
        y_ = ggml_mul_mat(context_.get(), w_, x_);
        graph_ = ggml_new_graph(context_.get());
        ggml_build_forward_expand(graph_, y_);
        buffer_.reset(ggml_backend_alloc_ctx_tensors_from_buft(context_.get(), buffer_type()));
        ASSERT_TRUE(buffer_);
        ggml_backend_buffer_set_usage(buffer_.get(), GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
        set_values(w_, noise(512 * 64, 1));
        set_values(x_, noise(512 * 5, 2));
        if (!Shadow::make(*w_))
            GTEST_SKIP() << "ggml's CPU backend repacks no Q4_K on this machine";
    }

    std::vector<float> run(Shadows& shadows) {
        const ShadowedNodes nodes(*graph_, 0, graph_->n_nodes, shadows, Session::get().tiles());
        read_shadow_ = y_->src[0] != w_;
        EXPECT_EQ(cpu_->compute(*graph_, 0, graph_->n_nodes), GGML_STATUS_SUCCESS);
        return get_values(y_);
    }
    std::vector<float> run_plain() {
        EXPECT_EQ(cpu_->compute(*graph_, 0, graph_->n_nodes), GGML_STATUS_SUCCESS);
        return get_values(y_);
    }

    Context context_;
    Buffer buffer_;
    std::unique_ptr<CpuDelegate> cpu_;
    ggml_tensor *w_ = nullptr, *x_ = nullptr, *y_ = nullptr;
    ggml_cgraph* graph_ = nullptr;
    bool read_shadow_ = false;
    Shadows shadows_;
};

TEST_F(CpuShadow, StandsForTheWeightWhileTheCpuComputesAndNoLonger) {
    EXPECT_LT(relative_error(run(shadows_), run_plain()), 1e-6);
    EXPECT_TRUE(read_shadow_);
    EXPECT_EQ(y_->src[0], w_);
    EXPECT_EQ(shadows_.bytes(), ggml_nbytes(w_));
}

TEST_F(CpuShadow, FollowsNewValuesOfTheWeight) {
    Shadows& shadows = Session::get().shadows();
    const auto before = run(shadows);
    set_values(w_, noise(512 * 64, 3));
    const auto after = run(shadows);
    EXPECT_TRUE(read_shadow_);
    EXPECT_GT(relative_error(after, before), 0.5);
    EXPECT_LT(relative_error(after, run_plain()), 1e-6);
}

TEST_F(CpuShadow, FollowsAWriteIntoPartOfTheWeight) {
    Shadows& shadows = Session::get().shadows();
    run(shadows);
    ggml_backend_tensor_memset(w_, 0, 0, ggml_nbytes(w_) / 2);
    EXPECT_LT(relative_error(run(shadows), run_plain()), 1e-6);
}

TEST_F(CpuShadow, AMatmulThatTheLayoutDoesNotServeReadsTheWeight) {
    ggml_tensor* half = ggml_new_tensor_2d(context_.get(), GGML_TYPE_F16, 512, 5);
    std::vector<ggml_fp16_t> values(512 * 5, ggml_fp32_to_fp16(0.5f));
    half->data = values.data();
    y_->src[1] = half;
    const ShadowedNodes nodes(*graph_, 0, graph_->n_nodes, shadows_, Session::get().tiles());
    EXPECT_EQ(y_->src[0], w_);
}

TEST_F(CpuShadow, GoesWithTheBufferOfItsWeight) {
    Shadows& shadows = Session::get().shadows();
    const uint64_t before = shadows.bytes();
    run(shadows);
    EXPECT_GE(shadows.bytes(), ggml_nbytes(w_));
    buffer_.reset();
    EXPECT_EQ(shadows.bytes(), before);
}

TEST_F(CpuShadow, WeightsThatGgmlDoesNotRepackHaveNone) {
    ggml_tensor* f16 = ggml_new_tensor_2d(context_.get(), GGML_TYPE_F16, 512, 64);
    std::vector<std::byte> data(ggml_nbytes(f16));
    f16->data = data.data();
    EXPECT_EQ(shadows_.find_or_make(*f16), nullptr);
    EXPECT_EQ(shadows_.bytes(), 0u);
}

}  // namespace
}  // namespace rosenblatt::ggml
