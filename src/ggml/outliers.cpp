// SPDX-License-Identifier: MIT
#include "ggml/outliers.hpp"

#include <algorithm>
#include <utility>

#include "ggml/row_ops.hpp"

namespace rosenblatt::ggml {
namespace {

constexpr size_t k_most_columns = 32;  // kept per weight; others are read again

// W[n0..n0 + n)[k] of matrix (i2, i3).
void read_column(const ggml_tensor& weight, int64_t i2, int64_t i3, int64_t k, int64_t n0,
                 int64_t n, float* column) {
    const int64_t block = ggml_blck_size(weight.type);
    const auto to_float = ggml_get_type_traits(weight.type)->to_float;
    const auto* row = static_cast<const std::byte*>(weight.data) +
                      static_cast<size_t>(i2) * weight.nb[2] +
                      static_cast<size_t>(i3) * weight.nb[3] +
                      static_cast<size_t>(n0) * weight.nb[1] +
                      static_cast<size_t>(k / block) * ggml_type_size(weight.type);
    std::vector<float> floats(static_cast<size_t>(block));
    for (int64_t i = 0; i < n; ++i, row += weight.nb[1]) {
        to_float(row, floats.data(), block);
        column[i] = floats[static_cast<size_t>(k % block)];
    }
}

}  // namespace

WeightColumns::Column WeightColumns::find(const ggml_tensor& weight, int64_t i2, int64_t i3,
                                          int64_t k) {
    const std::lock_guard lock(mutex_);
    const auto known = columns_.find({i3, i2, k});
    if (known != columns_.end()) return known->second;
    if (columns_.size() >= k_most_columns) return nullptr;
    auto column = std::make_shared<std::vector<float>>(static_cast<size_t>(weight.ne[1]));
    read_column(weight, i2, i3, k, 0, weight.ne[1], column->data());
    columns_[{i3, i2, k}] = column;
    return column;
}

matmul::Input Outliers::without(matmul::Input rows, int64_t k) {
    found_.assign(static_cast<size_t>(rows.rows), {});
    rows.read = [this, given = std::move(rows.read), k](int64_t m, float* scratch) {
        const float* row = given(m, scratch);
        quant::RowOutliers outliers;
        if (quant::row_energy(row, k).has_outlier()) {
            if (row != scratch) std::copy_n(row, k, scratch);
            quant::take_outliers(scratch, k, outliers);
            row = scratch;
        }
        // A repair reads rows again, several threads at once: then nothing changes. A row that was
        // a fault's had other outliers, or had some.
        quant::RowOutliers& known = found_[static_cast<size_t>(m)];
        if (known != outliers) known = outliers;
        return row;
    };
    return rows;
}

void Outliers::put_back(const ggml_tensor& weight, int64_t i2, int64_t i3, WeightColumns& columns,
                        int64_t m, int64_t n0, int64_t n, float* y) const {
    const quant::RowOutliers& outliers = found_[static_cast<size_t>(m)];
    for (size_t o = 0; o < outliers.count; ++o) {
        if (const auto column = columns.find(weight, i2, i3, outliers.k[o])) {
            add_scaled(outliers.value[o], column->data() + n0, n, y);
            continue;
        }
        std::vector<float> piece(static_cast<size_t>(n));
        read_column(weight, i2, i3, outliers.k[o], n0, n, piece.data());
        add_scaled(outliers.value[o], piece.data(), n, y);
    }
}

void Outliers::put_back(const ggml_tensor& weight, int64_t i2, int64_t i3, WeightColumns& columns,
                        std::span<float* const> y, const matmul::ParallelFor& parallel_for) const {
    parallel_for(static_cast<int64_t>(found_.size()), [&](int64_t begin, int64_t end) {
        for (int64_t m = begin; m < end; ++m)
            put_back(weight, i2, i3, columns, m, 0, weight.ne[1], y[static_cast<size_t>(m)]);
    });
}

}  // namespace rosenblatt::ggml
