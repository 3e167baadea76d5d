// SPDX-License-Identifier: MIT
#include "ggml/cpu_delegate.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <vector>

#include "ggml_fixture.hpp"

namespace rosenblatt::ggml {
namespace {

class CpuDelegateTest : public testing::Test {
  protected:
    void SetUp() override {
        start_ggml();
        auto made = CpuDelegate::create();
        ASSERT_TRUE(made) << made.error().message;
        cpu_ = std::move(*made);
    }
    std::unique_ptr<CpuDelegate> cpu_;
};

TEST_F(CpuDelegateTest, AParallelLoopVisitsEveryIndexOnceWhateverTheThreads) {
    for (const int threads : {1, 2, 3, 7}) {
        cpu_->set_threads(threads);
        for (const int64_t count : {0, 1, 2, 3, 100, 1001}) {
            std::vector<std::atomic<int>> visits(static_cast<size_t>(count));
            cpu_->parallel_for(count, [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i) ++visits[static_cast<size_t>(i)];
            });
            for (const auto& visit : visits)
                ASSERT_EQ(visit, 1) << "threads " << threads << ", count " << count;
        }
    }
}

TEST_F(CpuDelegateTest, AProgramThatAborts_IsHeardAndItsLoopsStillEnd) {
    cpu_->set_threads(2);
    EXPECT_FALSE(cpu_->aborted());
    cpu_->set_abort_callback([](void*) { return true; }, nullptr);
    EXPECT_TRUE(cpu_->aborted());
    std::atomic<int64_t> sum{0};
    cpu_->parallel_for(100, [&](int64_t begin, int64_t end) { sum += end - begin; });
    EXPECT_EQ(sum, 100);
}

TEST_F(CpuDelegateTest, APartOfAGraphIsComputedAndTheRestIsLeftAlone) {
    const Context context = make_context();
    const Buffer buffer;
    ggml_tensor* a = ggml_new_tensor_1d(context.get(), GGML_TYPE_F32, 4);
    ggml_tensor* twice = ggml_scale(context.get(), a, 2);
    ggml_tensor* six_times = ggml_scale(context.get(), twice, 3);
    std::vector<float> memory(12, 1.0f);
    a->data = memory.data();
    twice->data = memory.data() + 4;
    six_times->data = memory.data() + 8;
    ggml_cgraph* graph = ggml_new_graph(context.get());
    ggml_build_forward_expand(graph, six_times);
    ASSERT_EQ(ggml_graph_n_nodes(graph), 2);
    EXPECT_EQ(cpu_->compute(*graph, 0, 1), GGML_STATUS_SUCCESS);
    EXPECT_EQ(memory[4], 2.0f);
    EXPECT_EQ(memory[8], 1.0f);
    EXPECT_EQ(cpu_->compute(*graph, 1, 2), GGML_STATUS_SUCCESS);
    EXPECT_EQ(memory[8], 6.0f);
}

}  // namespace
}  // namespace rosenblatt::ggml
