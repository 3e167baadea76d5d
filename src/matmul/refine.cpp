// SPDX-License-Identifier: MIT
#include "matmul/refine.hpp"

#include <algorithm>
#include <vector>

#include "matmul/weights_state.hpp"
#include "quant/hadamard.hpp"
#include "quant/int8.hpp"

namespace rosenblatt::matmul {
namespace {

/// What int8 loses of a row of X. Zero where that is too small to be scaled again.
class Rounding {
  public:
    explicit Rounding(const quant::RowFormat& format)
        : format_(format),
          row_(static_cast<size_t>(format.k_padded)),
          codes_(static_cast<size_t>(format.k_padded)),
          scales_(static_cast<size_t>(format.slices())) {}

    /// False where the row cannot be quantised at all.
    bool error_of(const float* x, float* error) {
        const auto check =
            quant::quantise_row(format_, false, x, row_.data(), codes_.data(), scales_.data());
        if (check != quant::RowCheck::Good) return false;
        dequantise();
        for (int64_t k = 0; k < format_.k; ++k) error[k] = x[k] - row_[static_cast<size_t>(k)];
        if (quant::largest_magnitude(error, format_.k) < quant::k_row_min)
            std::fill_n(error, format_.k, 0.0F);
        return true;
    }

  private:
    void dequantise() {
        for (int64_t s = 0; s < format_.slices(); ++s)
            for (auto k = static_cast<size_t>(format_.slice_begin(s));
                 k < static_cast<size_t>(format_.slice_end(s)); ++k)
                row_[k] = static_cast<float>(codes_[k]) * scales_[static_cast<size_t>(s)];
        if (format_.block == 1) return;
        quant::unrotate_row(row_.data(), format_.k_padded, format_.block);
        const float norm = format_.unit * format_.most;  // of one rotation; the scales hold the other's
        for (float& value : row_) value *= norm;
    }

    const quant::RowFormat& format_;
    std::vector<float> row_;
    std::vector<int8_t> codes_;
    std::vector<float> scales_;
};

/// The rows of X and behind them what int8 loses of each.
struct Doubled {
    std::vector<float> values;
    std::vector<const float*> rows;

    bool fill(const Input& x, const quant::RowFormat& format) {
        const auto k = static_cast<size_t>(format.k);
        const auto m = static_cast<size_t>(x.rows);
        values.resize(2 * m * k);
        Rounding rounding(format);
        for (size_t row = 0; row < m; ++row) {
            float* copy = values.data() + row * k;
            const float* given = x.read(static_cast<int64_t>(row), copy);
            if (given != copy) std::copy_n(given, k, copy);
            if (!rounding.error_of(copy, copy + m * k)) return false;
        }
        for (size_t row = 0; row < 2 * m; ++row) rows.push_back(values.data() + row * k);
        return true;
    }
};

/// One product of the doubled rows and where it goes; with a target function, memory of its own,
/// row after row.
struct Corrected {
    size_t m, n;
    std::vector<float> values;
    std::vector<float*> rows;

    Corrected(OutputRows y, size_t rows_of_x, int64_t columns)
        : m(rows_of_x), n(static_cast<size_t>(columns)), values((y.empty() ? 2 : 1) * m * n) {
        rows.assign(y.begin(), y.end());
        for (size_t i = 0; rows.size() < 2 * m; ++i) rows.push_back(values.data() + i * n);
    }
    void add() {
        for (size_t row = 0; row < m; ++row)
            for (size_t i = 0; i < n; ++i) rows[row][i] += rows[m + row][i];
    }
};

}  // namespace

Result<Outcome> multiply_refined(Device& device, const Input& x, std::span<const Output> outputs,
                                 const ParallelFor& parallel_for) {
    if (x.rows <= 0 || outputs.empty()) return multiply(device, x, outputs, parallel_for);
    Doubled doubled;
    if (!doubled.fill(x, outputs.front().weights->state().format)) return Outcome::OutOfRange;

    const auto m = static_cast<size_t>(x.rows);
    std::vector<Corrected> products;
    for (const Output& output : outputs)
        for (const Weights* weights : {output.weights, output.second})
            if (weights) products.emplace_back(output.rows, m, weights->shape().n);
    std::vector<Output> plain;
    for (const Output& output : outputs)
        for (const Weights* weights : {output.weights, output.second})
            if (weights)
                plain.push_back({.weights = weights, .rows = products[plain.size()].rows});

    auto outcome = multiply(device, doubled.rows, plain, parallel_for);
    if (!outcome || *outcome != Outcome::Done) return outcome;
    for (Corrected& product : products) product.add();
    size_t p = 0;
    for (const Output& output : outputs) {
        const Corrected& first = products[p];
        const Corrected* second = output.second ? &products[p + 1] : nullptr;
        p += second ? 2 : 1;
        const auto n = static_cast<int64_t>(first.n);
        if (output.write)
            output.write({.rows = x.rows,
                          .n = n,
                          .y = first.rows[0],
                          .second = second ? second->rows[0] : nullptr,
                          .stride = n});
    }
    return outcome;
}

Result<Outcome> multiply_refined(Device& device, InputRows x, std::span<const Output> outputs,
                                 const ParallelFor& parallel_for) {
    return multiply_refined(device, input_of(x), outputs, parallel_for);
}

}  // namespace rosenblatt::matmul
