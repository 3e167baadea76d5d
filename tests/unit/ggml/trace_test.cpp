// SPDX-License-Identifier: MIT
#include "ggml/trace.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "ggml_fixture.hpp"

namespace rosenblatt::ggml {
namespace {

nlohmann::json written(const Trace& trace) {
    return nlohmann::json::parse(trace.json())["traceEvents"];
}

TEST(Trace, AScopeBecomesOneEventThatNamesTheShape) {
    const Context context = make_context();
    ggml_tensor* node =
        ggml_mul_mat(context.get(), ggml_new_tensor_2d(context.get(), GGML_TYPE_F16, 64, 96),
                     ggml_new_tensor_2d(context.get(), GGML_TYPE_F32, 64, 5));
    ggml_set_name(node, "ffn_up-3");
    Trace trace(true);
    { const Trace::Scope scope = trace.scope("npu", *node); }
    const auto events = written(trace);
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0]["name"], "MUL_MAT ffn_up-3 M=5 K=64 N=96 f16");
    EXPECT_EQ(events[0]["cat"], "npu");
    EXPECT_EQ(events[0]["ph"], "X");
    EXPECT_GE(events[0]["dur"].get<int>(), 0);
}

TEST(Trace, RecordsNothingWhenItIsOff) {
    const Context context = make_context();
    Trace trace(false);
    { const auto scope = trace.scope("cpu", *ggml_new_tensor_1d(context.get(), GGML_TYPE_F32, 1)); }
    EXPECT_TRUE(written(trace).empty());
}

}  // namespace
}  // namespace rosenblatt::ggml
