// SPDX-License-Identifier: MIT
#include "matmul/half_checksum.hpp"

#include <algorithm>
#include <cmath>

#include "npu/convert.hpp"

namespace rosenblatt::matmul {
namespace {

constexpr double k_chip_rounding = 0x1p-24;
constexpr double k_host_rounding = 0x1p-53;
constexpr size_t k_group = 32;   // channels that are summed exactly
constexpr size_t k_partial = 8;  // independent sums, so that the loop can be vectorised

}  // namespace

double half_column_weight(uint32_t column_weight) {
    const double magnitude = 1 + static_cast<double>(column_weight >> 1 & 0xffffff) * 0x1p-24;
    return (column_weight >> 31) != 0 ? -magnitude : magnitude;
}

void add_half_kernel(double r, const uint16_t* codes, size_t k, double* u, double* v) {
    for (size_t i = 0; i < k; ++i) {
        const double product = r * static_cast<double>(npu::fp32_from_fp16(codes[i]));
        u[i] += product;
        v[i] += std::abs(product);
    }
}

HalfExpected expected_half_sum(const float* a, const HalfSums& sums, size_t k, size_t n) {
    double sum[k_partial] = {};
    double size[k_partial] = {};
    for (size_t i = 0; i < k; i += k_partial)  // k is a multiple of 32
        for (size_t j = 0; j < k_partial; ++j) {
            const double value = static_cast<double>(a[i + j]);
            sum[j] += value * sums.u[i + j];
            size[j] += std::abs(value) * sums.v[i + j];
        }
    HalfExpected expected;
    double s = 0;
    for (size_t j = 0; j < k_partial; ++j) {
        expected.sum += sum[j];
        s += size[j];
    }
    const double chip = static_cast<double>(k / k_group) * k_chip_rounding;
    const double host = static_cast<double>(2 * n + k + 8) * k_host_rounding;
    expected.tolerance = (1 + 0x1p-13) * (chip + host) * s;
    return expected;
}

void weighted_half_sums(const float* cube, uint32_t m, uint32_t n, const double* r, double* sums) {
    std::vector<double> partial(size_t{m} * 4, 0.0);
    for (uint32_t column = 0; column < n; column += 4) {
        const float* line = cube + size_t{column} * m;
        for (uint32_t i = 0; i < m; ++i)
            for (uint32_t j = 0; j < 4; ++j)
                partial[i * 4 + j] += static_cast<double>(line[i * 4 + j]) * r[column + j];
    }
    for (uint32_t i = 0; i < m; ++i)
        sums[i] = partial[i * 4] + partial[i * 4 + 1] + partial[i * 4 + 2] + partial[i * 4 + 3];
}

}  // namespace rosenblatt::matmul
