// SPDX-License-Identifier: MIT
#include "ggml/outliers.hpp"

#include <algorithm>
#include <cmath>

namespace rosenblatt::ggml {
namespace {

// An activation is an outlier when its square exceeds this share of what the rest of its row holds.
// Measured with scripts/accuracy.sh as mean KLD of the outlier model and of the plain one: 0.00194
// and 0.000200 without, 0.000202 and 0.000195 with 0.3, 0.000184 and 0.000183 with 0.1; lower values
// find outliers in ordinary rows too and make work for little.
constexpr float k_energy_share = 0.1F;
constexpr size_t k_most_columns = 32;  // kept per weight; others are read again

constexpr int64_t k_sums = 16;  // fixed, so that every ISA adds in the same order

struct Energy {
    float sum = 0;
    float largest = 0;  // of the squares
};

Energy energy_of(const float* row, int64_t k) {
    std::array<float, k_sums> sums{};
    std::array<float, k_sums> largest{};
    int64_t i = 0;
    for (; i + k_sums <= k; i += k_sums)
        for (int64_t j = 0; j < k_sums; ++j) {
            const float square = row[i + j] * row[i + j];
            const auto at = static_cast<size_t>(j);
            sums[at] += square;
            largest[at] = largest[at] < square ? square : largest[at];
        }
    Energy energy;
    for (; i < k; ++i) {
        const float square = row[i] * row[i];
        energy.sum += square;
        energy.largest = std::max(energy.largest, square);
    }
    for (const float sum : sums) energy.sum += sum;
    for (const float square : largest) energy.largest = std::max(energy.largest, square);
    return energy;
}

// False for a row of zeros, and where NaN or Inf make the comparison meaningless.
bool is_outlier(float square, float rest) {
    return square > 0 && square > k_energy_share * rest;
}

}  // namespace

WeightColumns::Column WeightColumns::find(const ggml_tensor& weight, int64_t i2, int64_t i3,
                                          int64_t k) {
    const std::lock_guard lock(mutex_);
    const auto known = columns_.find({i3, i2, k});
    if (known != columns_.end()) return known->second;
    const int64_t block = ggml_blck_size(weight.type);
    const auto to_float = ggml_get_type_traits(weight.type)->to_float;
    const auto* matrix = static_cast<const std::byte*>(weight.data) +
                         static_cast<size_t>(i2) * weight.nb[2] +
                         static_cast<size_t>(i3) * weight.nb[3] +
                         static_cast<size_t>(k / block) * ggml_type_size(weight.type);
    std::vector<float> floats(static_cast<size_t>(block));
    auto column = std::make_shared<std::vector<float>>(static_cast<size_t>(weight.ne[1]));
    for (size_t n = 0; n < column->size(); ++n) {
        to_float(matrix + n * weight.nb[1], floats.data(), block);
        (*column)[n] = floats[static_cast<size_t>(k % block)];
    }
    if (columns_.size() < k_most_columns) columns_[{i3, i2, k}] = column;
    return column;
}

void Outliers::find(const float* row, int64_t k, RowOutliers& found) {
    found.count = 0;
    Energy energy = energy_of(row, k);
    if (!is_outlier(energy.largest, energy.sum - energy.largest)) return;
    std::vector<float> rest(row, row + k);
    while (found.count < k_most) {
        const auto largest =
            std::max_element(rest.begin(), rest.end(),
                             [](float a, float b) { return std::abs(a) < std::abs(b); });
        const float value = *largest;
        *largest = 0;
        energy = energy_of(rest.data(), k);
        if (!is_outlier(value * value, energy.sum)) return;
        found.k[found.count] = largest - rest.begin();
        found.value[found.count++] = value;
    }
}

void Outliers::copy_rows(std::vector<const float*>& rows, int64_t k,
                         const matmul::ParallelFor& parallel_for) {
    copies_.resize(with_outliers_.size() * static_cast<size_t>(k));
    parallel_for(static_cast<int64_t>(with_outliers_.size()), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const size_t m = with_outliers_[static_cast<size_t>(i)];
            float* copy = copies_.data() + i * k;
            std::copy_n(rows[m], k, copy);
            for (size_t o = 0; o < found_[m].count; ++o) copy[found_[m].k[o]] = 0;
            rows[m] = copy;
        }
    });
}

void Outliers::take_out(std::vector<const float*>& rows, int64_t k,
                        const matmul::ParallelFor& parallel_for) {
    found_.resize(rows.size());
    parallel_for(static_cast<int64_t>(rows.size()), [&](int64_t begin, int64_t end) {
        for (auto m = static_cast<size_t>(begin); m < static_cast<size_t>(end); ++m)
            find(rows[m], k, found_[m]);
    });
    with_outliers_.clear();
    for (size_t m = 0; m < rows.size(); ++m)
        if (found_[m].count > 0) with_outliers_.push_back(m);
    if (!with_outliers_.empty()) copy_rows(rows, k, parallel_for);
}

void Outliers::put_back(const ggml_tensor& weight, int64_t i2, int64_t i3, WeightColumns& columns,
                        std::span<float* const> y, const matmul::ParallelFor& parallel_for) {
    const auto n = static_cast<size_t>(weight.ne[1]);
    parallel_for(static_cast<int64_t>(with_outliers_.size()), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const size_t m = with_outliers_[static_cast<size_t>(i)];
            for (size_t o = 0; o < found_[m].count; ++o) {
                const auto column = columns.find(weight, i2, i3, found_[m].k[o]);
                for (size_t j = 0; j < n; ++j) y[m][j] += found_[m].value[o] * (*column)[j];
            }
        }
    });
}

}  // namespace rosenblatt::ggml
