// SPDX-License-Identifier: MIT
#include "ggml/outliers.hpp"

#include <algorithm>

namespace rosenblatt::ggml {
namespace {

constexpr size_t k_most_columns = 32;  // kept per weight; others are read again

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

matmul::Input Outliers::without(matmul::InputRows rows, int64_t k) {
    found_.assign(rows.size(), {});
    const auto read = [this, rows, k](int64_t m, float* scratch) {
        const float* row = rows[static_cast<size_t>(m)];
        if (!quant::row_energy(row, k).has_outlier()) return row;
        std::copy_n(row, k, scratch);
        quant::RowOutliers outliers;
        quant::take_outliers(scratch, k, outliers);
        // A repair reads rows again, several threads at once: then nothing changes.
        quant::RowOutliers& known = found_[static_cast<size_t>(m)];
        if (known != outliers) known = outliers;
        return static_cast<const float*>(scratch);
    };
    return {static_cast<int64_t>(rows.size()), read};
}

void Outliers::put_back(const ggml_tensor& weight, int64_t i2, int64_t i3, WeightColumns& columns,
                        std::span<float* const> y, const matmul::ParallelFor& parallel_for) {
    const auto n = static_cast<size_t>(weight.ne[1]);
    parallel_for(static_cast<int64_t>(found_.size()), [&](int64_t begin, int64_t end) {
        for (auto m = static_cast<size_t>(begin); m < static_cast<size_t>(end); ++m)
            for (size_t o = 0; o < found_[m].count; ++o) {
                const auto column = columns.find(weight, i2, i3, found_[m].k[o]);
                for (size_t j = 0; j < n; ++j) y[m][j] += found_[m].value[o] * (*column)[j];
            }
    });
}

}  // namespace rosenblatt::ggml
