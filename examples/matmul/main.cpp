// SPDX-License-Identifier: MIT
// Multiplies two random matrices on the NPU and holds the result against the same product in
// double.
#include <cmath>
#include <cstdio>
#include <random>
#include <rosenblatt/npu.hpp>
#include <vector>

namespace {

constexpr int64_t k_m = 64, k_k = 512, k_n = 384;
// 8-bit weights and activations of normally distributed numbers lose about 1 % of a result's size.
constexpr double k_error_allowed = 0.02;

std::vector<float> random_matrix(int64_t rows, int64_t columns, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> values(static_cast<size_t>(rows * columns));
    for (float& value : values) value = normal(random);
    return values;
}

/// Root of the mean squared error over root of the mean square.
double relative_error(const std::vector<float>& x, const std::vector<float>& w,
                      const std::vector<float>& y) {
    double error = 0, size = 0;
    for (int64_t m = 0; m < k_m; ++m)
        for (int64_t n = 0; n < k_n; ++n) {
            double exact = 0;
            for (int64_t k = 0; k < k_k; ++k)
                exact += static_cast<double>(x[m * k_k + k]) * w[n * k_k + k];
            error += (y[m * k_n + n] - exact) * (y[m * k_n + n] - exact);
            size += exact * exact;
        }
    return std::sqrt(error / size);
}

int fail(const std::string& why) {
    std::fprintf(stderr, "matmul: %s\n", why.c_str());
    return 1;
}

}  // namespace

int main() {
    const auto say = [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
    const auto npu = rosenblatt::Npu::open(say);
    if (!npu) return fail(npu.error().message);

    const std::vector<float> x = random_matrix(k_m, k_k, 1), w = random_matrix(k_n, k_k, 2);
    const auto packed = rosenblatt::Matrix::pack(*npu, {k_n, k_k}, w.data());
    if (!packed) return fail(packed.error().message);

    std::vector<float> y(static_cast<size_t>(k_m * k_n));
    const auto product = rosenblatt::multiply(*packed, x.data(), k_m, y.data());
    if (!product) return fail(product.error().message);
    if (*product != rosenblatt::Product::Done) return fail("x is not a matrix of numbers");

    const double error = relative_error(x, w, y);
    const rosenblatt::Counters count = npu->counters();
    std::printf(
        "%lld x %lld x %lld on %s%s: %llu tasks, %llu tiles checked, %llu wrong, relative error "
        "%.4f\n",
        static_cast<long long>(k_m), static_cast<long long>(k_k), static_cast<long long>(k_n),
        npu->path().c_str(), npu->emulated() ? " (emulated)" : "",
        static_cast<unsigned long long>(count.tasks),
        static_cast<unsigned long long>(count.tiles_checked),
        static_cast<unsigned long long>(count.tiles_wrong), error);
    return error <= k_error_allowed ? 0 : fail("the error is larger than 8 bits explain");
}
