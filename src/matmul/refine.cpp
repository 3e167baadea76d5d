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
        const float norm = format_.unit * 127.0F;  // of one rotation; the scales hold the other's
        for (float& value : row_) value *= norm;
    }

    const quant::RowFormat& format_;
    std::vector<float> row_;
    std::vector<int8_t> codes_;
    std::vector<float> scales_;
};

}  // namespace

Result<Outcome> multiply_refined(Device& device, InputRows x, std::span<const Output> outputs,
                                 const ParallelFor& parallel_for) {
    if (x.empty() || outputs.empty()) return multiply(device, x, outputs, parallel_for);
    const quant::RowFormat& format = outputs.front().weights->state().format;
    std::vector<const float*> rows(x.begin(), x.end());
    std::vector<float> errors(x.size() * static_cast<size_t>(format.k));
    Rounding rounding(format);
    for (size_t m = 0; m < x.size(); ++m) {
        float* error = errors.data() + m * static_cast<size_t>(format.k);
        if (!rounding.error_of(x[m], error)) return Outcome::OutOfRange;
        rows.push_back(error);
    }

    std::vector<std::vector<float>> corrections;
    std::vector<std::vector<float*>> targets;
    std::vector<Output> doubled;
    for (const Output& output : outputs) {
        const auto n = static_cast<size_t>(output.weights->shape().n);
        corrections.emplace_back(x.size() * n);
        auto& target = targets.emplace_back(output.rows.begin(), output.rows.end());
        for (size_t m = 0; m < x.size(); ++m) target.push_back(corrections.back().data() + m * n);
    }
    for (size_t o = 0; o < outputs.size(); ++o) doubled.push_back({outputs[o].weights, targets[o]});

    auto outcome = multiply(device, rows, doubled, parallel_for);
    if (!outcome || *outcome != Outcome::Done) return outcome;
    for (size_t o = 0; o < outputs.size(); ++o) {
        const auto n = static_cast<size_t>(outputs[o].weights->shape().n);
        for (size_t m = 0; m < x.size(); ++m)
            for (size_t i = 0; i < n; ++i) outputs[o].rows[m][i] += corrections[o][m * n + i];
    }
    return outcome;
}

}  // namespace rosenblatt::matmul
