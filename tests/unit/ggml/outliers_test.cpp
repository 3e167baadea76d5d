// SPDX-License-Identifier: MIT
// What is taken out of X comes back in Y: against the whole product in plain doubles.
#include "ggml/outliers.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ggml_fixture.hpp"

namespace rosenblatt::ggml {
namespace {

constexpr int64_t k_k = 512;
constexpr int64_t k_n = 48;
constexpr size_t k_m = 5;

struct Rows {
    explicit Rows(uint32_t seed) : values(noise(k_m * k_k, seed)) {
        for (size_t m = 0; m < k_m; ++m) pointers.push_back(values.data() + m * k_k);
    }
    float& at(size_t m, size_t k) { return values[m * k_k + k]; }

    std::vector<float> values;
    std::vector<const float*> pointers;
};

class OutliersTest : public testing::TestWithParam<ggml_type> {
  protected:
    void SetUp() override {
        start_ggml();
        context_.reset(ggml_init({size_t{1} << 20, nullptr, false}));
        weight_ = ggml_new_tensor_2d(context_.get(), GetParam(), k_k, k_n);
        const auto values = noise(k_k * k_n, 7);
        ggml_quantize_chunk(weight_->type, values.data(), weight_->data, 0, k_n, k_k, nullptr);
        floats_.resize(k_k * k_n);
        ggml_get_type_traits(weight_->type)->to_float(weight_->data, floats_.data(), k_k * k_n);
    }

    double product(const float* x, int64_t n) const {
        double sum = 0;
        for (int64_t k = 0; k < k_k; ++k)
            sum += static_cast<double>(x[k]) * static_cast<double>(floats_[static_cast<size_t>(n * k_k + k)]);
        return sum;
    }

    // Points to the rows as the engine reads them.
    void take_out(Rows& x) {
        rows_ = x.pointers;
        const matmul::Input input = outliers_.without(matmul::input_of(rows_), k_k);
        scratch_.assign(k_m, std::vector<float>(k_k));
        for (size_t m = 0; m < k_m; ++m)
            x.pointers[m] = input.read(static_cast<int64_t>(m), scratch_[m].data());
    }

    Context context_;
    ggml_tensor* weight_ = nullptr;
    std::vector<float> floats_;
    WeightColumns columns_;
    Outliers outliers_;
    std::vector<const float*> rows_;
    std::vector<std::vector<float>> scratch_;
};

TEST_P(OutliersTest, TheRestAndWhatIsPutBackMakeTheWholeProduct) {
    Rows x(11);
    x.at(1, 0) = 300.0F;
    x.at(1, 511) = -200.0F;
    x.at(3, 257) = 77.0F;
    const auto whole = x.pointers;
    take_out(x);
    for (const size_t m : {1u, 3u}) {
        EXPECT_NE(x.pointers[m], whole[m]) << m;
        for (int64_t k = 0; k < k_k; ++k) EXPECT_LE(std::abs(x.pointers[m][k]), 1.0F) << m << ' ' << k;
    }
    std::vector<float> results(k_m * k_n);
    std::vector<float*> y;
    for (size_t m = 0; m < k_m; ++m) {
        y.push_back(results.data() + m * k_n);
        for (int64_t n = 0; n < k_n; ++n) y[m][n] = static_cast<float>(product(x.pointers[m], n));
    }
    outliers_.put_back(*weight_, 0, 0, columns_, y, matmul::run_serial);
    for (size_t m = 0; m < k_m; ++m)
        for (int64_t n = 0; n < k_n; ++n)
            EXPECT_NEAR(y[m][n], product(whole[m], n), 1e-4) << m << ' ' << n;
}

TEST_P(OutliersTest, OrdinaryRowsAreLeftWhereTheyAre) {
    Rows x(12);
    const auto whole = x.pointers;
    take_out(x);
    EXPECT_EQ(x.pointers, whole);
}

TEST_P(OutliersTest, RowsOfZerosAndOfNonFiniteValuesAreLeftToTheEngine) {
    Rows x(13);
    for (size_t k = 0; k < k_k; ++k) x.at(0, k) = 0;
    x.at(1, 5) = std::numeric_limits<float>::quiet_NaN();
    x.at(2, 6) = std::numeric_limits<float>::infinity();
    x.at(3, 7) = 1e30F;  // its square is not finite
    const auto whole = x.pointers;
    take_out(x);
    EXPECT_EQ(x.pointers, whole);
}

INSTANTIATE_TEST_SUITE_P(Types, OutliersTest,
                         testing::Values(GGML_TYPE_F16, GGML_TYPE_Q8_0, GGML_TYPE_Q4_K),
                         [](const auto& type) { return std::string(ggml_type_name(type.param)); });

}  // namespace
}  // namespace rosenblatt::ggml
