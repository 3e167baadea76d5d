// SPDX-License-Identifier: MIT
#include "ggml/policies.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/log.hpp"
#include "ggml/log_sink.hpp"
#include "ggml_fixture.hpp"

namespace rosenblatt::ggml {
namespace {

namespace fs = std::filesystem;

/// Two weights of a model, and a policy file that a person named.
class PoliciesTest : public testing::Test {
  protected:
    void SetUp() override {
        for (const char* name : {"blk.0.up", "blk.1.up"}) {
            ggml_tensor* weight = ggml_new_tensor_2d(context_.get(), GGML_TYPE_F32, 4, 2);
            weight->data = values_;
            weights_.push_back(ggml_set_name(weight, name));
        }
        log::set_level(log::Level::Warning);
        log::set_sink([this](log::Level, std::string_view line) { lines_.emplace_back(line); });
    }
    void TearDown() override {
        std::remove(path_.c_str());
        route_log("info");
    }

    void name_policy(const std::string& text) {
        std::ofstream(path_) << text;
        Options options;
        options.policy = path_;
        policies_.load(options);
    }
    static std::string line_of(const ggml_tensor& weight) {
        const uint64_t dims[] = {4, 2};
        const uint64_t fingerprint = quant::tensor_fingerprint(
            weight.type, dims, {static_cast<const std::byte*>(weight.data), sizeof values_});
        quant::Policy policy;
        policy.set(weight.name, fingerprint, Pipeline::F16);
        return policy.text("");
    }
    /// A pass through the model as one graph for each weight, as with cb_eval.
    void pass() {
        for (const ggml_tensor* weight : weights_) {
            policies_.find(*weight);
            policies_.report_misfit();
        }
    }

    float values_[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    Context context_ = make_context();
    std::vector<ggml_tensor*> weights_;
    // warn_once says a sentence once in a process: each test has a file of its own.
    const std::string path_ =
        testing::TempDir() + testing::UnitTest::GetInstance()->current_test_info()->name();
    Policies policies_;
    std::vector<std::string> lines_;
};

TEST_F(PoliciesTest, AFileThatFitsNoWeightIsToldOnceWhenAPassIsOver) {
    name_policy("f16 0123456789abcdef blk.7.up\nf16 0123456789abcdef blk.1.up\n");
    pass();
    EXPECT_TRUE(lines_.empty()) << "the next graph may bring the weight that fits";
    pass();
    pass();
    ASSERT_EQ(lines_.size(), 1u);
    EXPECT_EQ(lines_[0], "the policy " + path_ +
                             " fits none of the 2 weights that were multiplied (1 bears a name of "
                             "it, with another type, shape or contents) and changes nothing; "
                             "rosenblatt calibrate makes one for this model.");
}

TEST_F(PoliciesTest, AFileThatFitsOneWeightIsFollowedInSilence) {
    name_policy(line_of(*weights_[1]));
    EXPECT_EQ(policies_.find(*weights_[1]), Pipeline::F16);
    EXPECT_EQ(policies_.find(*weights_[0]), std::nullopt);
    for (int i = 0; i < 3; ++i) pass();
    EXPECT_TRUE(lines_.empty()) << lines_[0];
}

TEST_F(PoliciesTest, AFileOfCommentsFitsNothingEither) {
    name_policy("# nothing\n");
    for (int i = 0; i < 3; ++i) pass();
    EXPECT_EQ(lines_.size(), 1u);
}

TEST_F(PoliciesTest, GraphsWithoutWeightsSayNothing) {
    name_policy("f16 0123456789abcdef blk.7.up\n");
    for (int i = 0; i < 3; ++i) policies_.report_misfit();
    EXPECT_TRUE(lines_.empty());
}

TEST_F(PoliciesTest, PoliciesOfTheCacheMayBeOtherModels) {
    const fs::path folder = path_ + "-cache";
    fs::create_directories(folder / "policy");
    std::ofstream(folder / "policy" / "other.policy") << "f16 0123456789abcdef blk.1.up\n";
    Options options;
    options.cache_dir = folder.string();
    policies_.load(options);
    fs::remove_all(folder);
    for (int i = 0; i < 3; ++i) pass();
    EXPECT_TRUE(lines_.empty());
}

}  // namespace
}  // namespace rosenblatt::ggml
