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

double sign_and_fraction(uint32_t bits) {
    const double magnitude = 1 + static_cast<double>(bits >> 1 & 0xffffff) * 0x1p-24;
    return (bits >> 31) != 0 ? -magnitude : magnitude;
}

/// Bits that have nothing to do with the given ones any more.
uint32_t mixed(uint32_t bits) {
    bits = (bits ^ bits >> 16) * 0x85ebca6bu;
    bits = (bits ^ bits >> 13) * 0xc2b2ae35u;
    return bits ^ bits >> 16;
}

}  // namespace

HalfPair half_column_weight(uint32_t column_weight) {
    return {sign_and_fraction(column_weight), sign_and_fraction(mixed(column_weight))};
}

void HalfSums::clear() {
    std::fill(u.begin(), u.end(), HalfPair{});
    std::fill(v.begin(), v.end(), 0.0);
}

void add_half_kernel(HalfPair r, const uint16_t* codes, HalfSums& sums) {
    for (size_t i = 0; i < sums.v.size(); ++i) {
        const auto code = static_cast<double>(npu::fp32_from_fp16(codes[i]));
        sums.u[i].first += r.first * code;
        sums.u[i].second += r.second * code;
        sums.v[i] += std::abs(r.first * code);
    }
}

bool HalfExpected::allows(const HalfPair& sums) const {
    return std::abs(sums.first - sum.first) <= tolerance &&
           std::abs(sums.second - sum.second) <= 2 * tolerance;
}

HalfExpected expected_half_sum(const float* a, const HalfSums& sums, size_t k, size_t n) {
    HalfPair sum[k_partial] = {};
    double size[k_partial] = {};
    for (size_t i = 0; i < k; i += k_partial)  // k is a multiple of 32
        for (size_t j = 0; j < k_partial; ++j) {
            const double value = static_cast<double>(a[i + j]);
            sum[j].first += value * sums.u[i + j].first;
            sum[j].second += value * sums.u[i + j].second;
            size[j] += std::abs(value) * sums.v[i + j];
        }
    HalfExpected expected;
    double s = 0;
    for (size_t j = 0; j < k_partial; ++j) {
        expected.sum.first += sum[j].first;
        expected.sum.second += sum[j].second;
        s += size[j];
    }
    const double chip = static_cast<double>(k / k_group) * k_chip_rounding;
    const double host = static_cast<double>(2 * n + k + 8) * k_host_rounding;
    expected.tolerance = (1 + 0x1p-13) * (chip + host) * s;
    return expected;
}

void weighted_half_sums(const float* cube, uint32_t m, uint32_t n, const HalfPair* r,
                        HalfPair* sums) {
    std::fill_n(sums, m, HalfPair{});
    for (uint32_t column = 0; column < n; column += 4) {
        const float* line = cube + size_t{column} * m;
        for (uint32_t i = 0; i < m; ++i, line += 4) {
            HalfPair sum;  // four columns are added among themselves first
            for (uint32_t j = 0; j < 4; ++j) {
                sum.first += static_cast<double>(line[j]) * r[column + j].first;
                sum.second += static_cast<double>(line[j]) * r[column + j].second;
            }
            sums[i].first += sum.first;
            sums[i].second += sum.second;
        }
    }
}

}  // namespace rosenblatt::matmul
