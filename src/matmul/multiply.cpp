// SPDX-License-Identifier: MIT
// multiply: checks the call, cuts X into panels of rows, runs them one after the other.
#include "matmul/multiply.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <new>
#include <string>

#include "matmul/half.hpp"
#include "matmul/panel.hpp"
#include "quant/int8.hpp"

namespace rosenblatt::matmul {
namespace {

Error misuse(const std::string& what) {
    return {EINVAL, "A product cannot be computed: " + what + "."};
}

Result<void> check(Device& device, InputRows x, std::span<const Output> outputs) {
    if (outputs.empty()) return misuse("there is no output");
    const Weights::State& first = outputs.front().weights->state();
    for (const Output& output : outputs) {
        const Weights::State& weights = output.weights->state();
        if (weights.device != &device.state()) return misuse("weights of another device");
        if (weights.shape.k != first.shape.k || weights.pipeline != first.pipeline)
            return misuse("outputs of one call must share K and pipeline");
        if (output.rows.size() != x.size())
            return misuse("X has " + std::to_string(x.size()) + " rows, an output " +
                          std::to_string(output.rows.size()));
    }
    return {};
}

/// Rows per panel: as many as every output's buffers allow, in equal parts.
size_t panel_rows(size_t m, std::span<const Output> outputs) {
    size_t most = m;
    for (const Output& output : outputs)
        most = std::min<size_t>(most, output.weights->state().plans->max_rows());
    const size_t panels = (m + most - 1) / most;
    return (m + panels - 1) / panels;
}

/// Whether some row is out of range, before a later panel could find out with Y half written.
bool all_in_range(InputRows x, const Weights::State& weights, const ParallelFor& parallel_for) {
    const quant::RowFormat& format = weights.format;
    std::atomic<bool> good{true};
    if (weights.pipeline == Pipeline::F16) {
        parallel_for(static_cast<int64_t>(x.size()), [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end && good; ++row)
                if (!half_row_usable(x[static_cast<size_t>(row)], format.k)) good = false;
        });
        return good;
    }
    parallel_for(static_cast<int64_t>(x.size()), [&](int64_t begin, int64_t end) {
        std::vector<float> scratch(static_cast<size_t>(format.k_padded));
        std::vector<int8_t> codes(scratch.size());
        std::vector<float> scales(static_cast<size_t>(format.slices()));
        for (int64_t row = begin; row < end && good; ++row)
            if (quant::quantise_row(format, false, x[static_cast<size_t>(row)], scratch.data(),
                                    codes.data(), scales.data()) != quant::RowCheck::Good)
                good = false;
    });
    return good;
}

/// Finds out before the first panel whether every panel has a plan.
Result<void> plan_all(size_t m, size_t rows, std::span<const Output> outputs) {
    for (const Output& output : outputs)
        for (const size_t panel : {rows, (m - 1) % rows + 1})
            if (auto made = output.weights->state().plans->plan(static_cast<uint32_t>(panel));
                !made)
                return made.error();
    return {};
}

}  // namespace

Result<Outcome> multiply(Device& device, InputRows x, std::span<const Output> outputs,
                         const ParallelFor& parallel_for) {
    if (auto checked = check(device, x, outputs); !checked) return checked.error();
    if (x.empty()) return Outcome::Done;
    Device::State& state = device.state();
    const size_t rows = panel_rows(x.size(), outputs);
    const std::lock_guard lock(state.mutex);
    const Weights::State& weights = outputs.front().weights->state();
    if (rows < x.size() && !all_in_range(x, weights, parallel_for)) return Outcome::OutOfRange;
    if (auto planned = plan_all(x.size(), rows, outputs); !planned) return planned.error();
    try {
        for (size_t first = 0; first < x.size(); first += rows) {
            state.calls += 1;
            const InputRows part = x.subspan(first, std::min(rows, x.size() - first));
            auto outcome = make_panel(state, part, outputs, first, parallel_for)->run();
            if (!outcome || *outcome != Outcome::Done) return outcome;
        }
    } catch (const std::bad_alloc&) {
        return Error{ENOMEM, "The host has no memory for a product's tables."};
    }
    state.stats.multiplies += outputs.size();
    return Outcome::Done;
}

Result<Outcome> multiply(Device& device, const Weights& weights, const float* x, int64_t x_stride,
                         int64_t m, float* y, int64_t y_stride, const ParallelFor& parallel_for) {
    if (m < 0) return misuse("M is negative");
    std::vector<const float*> inputs(static_cast<size_t>(m));
    std::vector<float*> results(static_cast<size_t>(m));
    for (int64_t row = 0; row < m; ++row) {
        inputs[static_cast<size_t>(row)] = x + row * x_stride;
        results[static_cast<size_t>(row)] = y + row * y_stride;
    }
    const Output output{&weights, results};
    return multiply(device, inputs, std::span(&output, 1), parallel_for);
}

}  // namespace rosenblatt::matmul
