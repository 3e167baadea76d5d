// SPDX-License-Identifier: MIT
// multiply: checks the call, cuts X into panels of rows, runs them one after the other.
#include "matmul/multiply.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <mutex>
#include <new>
#include <string>

#include "matmul/half.hpp"
#include "matmul/middle_rows.hpp"
#include "matmul/panel.hpp"
#include "quant/int8.hpp"

namespace rosenblatt::matmul {
namespace {

/// Fewer rows are over before it pays to submit twice.
constexpr int64_t k_rows_for_waves = 128;
constexpr size_t k_waves_most = 4;
constexpr int64_t k_wave_unit = 32;  // rows that are packed and unpacked at once

Error misuse(const std::string& what) {
    return {EINVAL, "A product cannot be computed: " + what + "."};
}

Result<void> check_target(const Output& output, int64_t rows) {
    if (output.write) {
        if (!output.rows.empty()) return misuse("an output has both rows and a function");
        if (!output.second) return {};
        const WeightShape one = output.weights->shape(), other = output.second->shape();
        if (one.n == other.n && one.k == other.k) return {};
        return misuse("the second weights of an output have another shape");
    }
    if (output.second) return misuse("second weights need a function that takes both results");
    if (static_cast<int64_t>(output.rows.size()) == rows) return {};
    return misuse("X has " + std::to_string(rows) + " rows, an output " +
                  std::to_string(output.rows.size()));
}

Result<void> check(Device& device, const Input& x, std::span<const Output> outputs) {
    if (x.rows < 0) return misuse("M is negative");
    if (outputs.empty()) return misuse("there is no output");
    const Weights::State& first = outputs.front().weights->state();
    for (const Output& output : outputs) {
        for (const Weights* each : {output.weights, output.second}) {
            if (!each) continue;
            const Weights::State& weights = each->state();
            if (weights.device != &device.state()) return misuse("weights of another device");
            if (weights.shape.k != first.shape.k || weights.pipeline != first.pipeline)
                return misuse("outputs of one call must share K and pipeline");
        }
        if (auto checked = check_target(output, x.rows); !checked) return checked;
    }
    return {};
}

/// Rows per panel: as many as every output's buffers allow, in equal parts.
int64_t panel_rows(int64_t m, std::span<const Output> outputs) {
    int64_t most = m;
    for (const Output& output : outputs)
        most = std::min<int64_t>(most, output.weights->state().plans->max_rows());
    const int64_t panels = (m + most - 1) / most;
    return (m + panels - 1) / panels;
}

/// Whether some row is out of range, before a later panel could find out with Y half written.
bool all_in_range(const Input& x, const Weights::State& weights, const ParallelFor& parallel_for) {
    const quant::RowFormat& format = weights.format;
    std::atomic<bool> good{true};
    if (weights.pipeline == Pipeline::F16) {
        parallel_for(x.rows, [&](int64_t begin, int64_t end) {
            std::vector<float> given(static_cast<size_t>(format.k));
            for (int64_t row = begin; row < end && good; ++row)
                if (!half_row_usable(x.read(row, given.data()), format.k)) good = false;
        });
        return good;
    }
    parallel_for(x.rows, [&](int64_t begin, int64_t end) {
        std::vector<float> given(static_cast<size_t>(format.k));
        std::vector<float> scratch(static_cast<size_t>(format.k_padded));
        std::vector<int8_t> codes(scratch.size());
        std::vector<float> scales(static_cast<size_t>(format.slices()));
        for (int64_t row = begin; row < end && good; ++row)
            if (quant::quantise_row(format, false, x.read(row, given.data()), scratch.data(),
                                    codes.data(), scales.data()) != quant::RowCheck::Good)
                good = false;
    });
    return good;
}

/// In how many parts the rows are packed, so that the NPU works on one while the host packs the next
/// and, later, unpacks the one before: as many as the plan cuts the rows into anyway.
int64_t waves_of(int64_t rows, std::span<const Output> outputs) {
    if (rows < k_rows_for_waves) return 1;
    size_t ranges = 1;
    for (const Output& output : outputs)
        if (auto plan = output.weights->state().plans->plan(static_cast<uint32_t>(rows)))
            ranges = std::max(ranges, (*plan)->plan.row_ranges.size());
    return static_cast<int64_t>(std::min(ranges, k_waves_most));
}

int64_t rows_of_wave(int64_t rows, std::span<const Output> outputs) {
    return div_round_up(div_round_up(rows, waves_of(rows, outputs)), k_wave_unit) * k_wave_unit;
}

/// All of X is found in range before the first row of Y is written.
Result<Outcome> run_in_waves(Device::State& state, const Input& x, PanelRows rows,
                             std::span<const Output> outputs, const ParallelFor& parallel_for) {
    const int64_t step = rows_of_wave(rows.count, outputs);
    std::vector<std::unique_ptr<Panel>> panels;
    for (int64_t at = 0; at < rows.count; at += step) {
        state.calls += 1;
        const PanelRows part{rows.first + at, std::min(step, rows.count - at)};
        panels.push_back(make_panel(state, x, part, outputs, parallel_for));
        auto outcome = panels.back()->begin();
        if (!outcome || *outcome != Outcome::Done) return outcome;
    }
    for (auto& panel : panels) {
        panel->complete();
        panel.reset();
    }
    return Outcome::Done;
}

/// Finds out before the first panel whether every panel has a plan.
Result<void> plan_all(int64_t m, int64_t rows, std::span<const Output> outputs) {
    for (const Output& output : outputs)
        for (const int64_t panel : {rows, (m - 1) % rows + 1})
            if (auto made = output.weights->state().plans->plan(static_cast<uint32_t>(panel));
                !made)
                return made.error();
    return {};
}

Result<Outcome> run_all(Device::State& state, const Input& x, std::span<const Output> outputs,
                        const ParallelFor& parallel_for) {
    const int64_t rows = panel_rows(x.rows, outputs);
    const Weights::State& weights = outputs.front().weights->state();
    if (rows < x.rows && !all_in_range(x, weights, parallel_for)) return Outcome::OutOfRange;
    if (auto planned = plan_all(x.rows, rows, outputs); !planned) return planned.error();
    try {
        for (int64_t first = 0; first < x.rows; first += rows) {
            const PanelRows part{first, std::min(rows, x.rows - first)};
            auto outcome = run_in_waves(state, x, part, outputs, parallel_for);
            if (!outcome || *outcome != Outcome::Done) return outcome;
        }
    } catch (const std::bad_alloc&) {
        return Error{ENOMEM, "The host has no memory for a product's tables."};
    }
    for (const Output& output : outputs) state.stats.multiplies += output.second ? 2 : 1;
    return Outcome::Done;
}

/// For its weights only.
Output as_output(const Middle& middle) {
    return {.weights = middle.weights, .write = [](const Piece&) {}, .second = middle.second};
}

/// Panels of two products in turn: the second one's X is made of the first one's results while it
/// is packed, and meanwhile the NPU works on the next panel of the first.
class BackToBack {
  public:
    BackToBack(Device::State& state, const Input& x, const Middle& middle,
               std::span<const Output> outputs, const ParallelFor& parallel_for)
        : state_(state),
          x_(x),
          outputs_(outputs),
          parallel_for_(parallel_for),
          step_(step_of(x, middle)),
          middle_(middle, x.rows, step_, parallel_for),
          target_(middle_.target()),
          middle_x_(middle_.input()) {}

    Result<Outcome> run() {
        for (int64_t at = 0; at < x_.rows; at += step_) {
            auto outcome = begin(firsts_, x_, at, std::span(&target_, 1));
            if (!outcome || *outcome != Outcome::Done) return outcome;
        }
        for (size_t i = 0; i < firsts_.size(); ++i) {
            firsts_[i]->hold();
            middle_.add(*firsts_[i]);
            auto outcome = begin(seconds_, middle_x_, static_cast<int64_t>(i) * step_, outputs_);
            if (!outcome || *outcome != Outcome::Done) return outcome;
        }
        for (size_t i = 0; i < firsts_.size(); ++i) {
            seconds_[i]->complete();
            seconds_[i].reset();
            firsts_[i]->release();
            firsts_[i].reset();
        }
        return Outcome::Done;
    }

  private:
    Result<Outcome> begin(std::vector<std::unique_ptr<Panel>>& panels, const Input& x, int64_t at,
                          std::span<const Output> outputs) {
        state_.calls += 1;
        const PanelRows part{at, std::min(step_, x.rows - at)};
        panels.push_back(make_panel(state_, x, part, outputs, parallel_for_));
        return panels.back()->begin();
    }
    static int64_t step_of(const Input& x, const Middle& middle) {
        const Output first = as_output(middle);
        return rows_of_wave(x.rows, std::span(&first, 1));
    }

    Device::State& state_;
    const Input& x_;
    const std::span<const Output> outputs_;
    const ParallelFor& parallel_for_;
    const int64_t step_;
    MiddleRows middle_;
    const Output target_;
    const Input middle_x_;
    std::vector<std::unique_ptr<Panel>> firsts_;
    std::vector<std::unique_ptr<Panel>> seconds_;  // they read the firsts' results
};

}  // namespace

bool fits_back_to_back(const Middle& middle, std::span<const Output> outputs, int64_t rows) {
    const Output first = as_output(middle);
    const auto is_integer = [](const Weights& weights) {
        return weights.pipeline() != Pipeline::F16;
    };
    return rows > 0 && is_integer(*middle.weights) && is_integer(*outputs.front().weights) &&
           middle.weights->shape().n == outputs.front().weights->shape().k &&
           panel_rows(rows, std::span(&first, 1)) == rows && panel_rows(rows, outputs) == rows;
}

Result<Outcome> multiply_back_to_back(Device& device, const Input& x, const Middle& middle,
                                      std::span<const Output> outputs,
                                      const ParallelFor& parallel_for) {
    const Output first = as_output(middle);
    if (auto checked = check(device, x, std::span(&first, 1)); !checked) return checked.error();
    if (auto checked = check(device, x, outputs); !checked) return checked.error();
    if (!fits_back_to_back(middle, outputs, x.rows))
        return misuse("the two products do not fit back to back");
    Device::State& state = device.state();
    const std::lock_guard lock(state.mutex);
    try {
        auto outcome = BackToBack(state, x, middle, outputs, parallel_for).run();
        if (outcome && *outcome == Outcome::Done)
            state.stats.multiplies += (middle.second ? 2 : 1) + outputs.size();
        state.tell_people();
        return outcome;
    } catch (const std::bad_alloc&) {
        return Error{ENOMEM, "The host has no memory for a product's tables."};
    }
}

Result<Outcome> multiply(Device& device, const Input& x, std::span<const Output> outputs,
                         const ParallelFor& parallel_for) {
    if (auto checked = check(device, x, outputs); !checked) return checked.error();
    if (x.rows == 0) return Outcome::Done;
    Device::State& state = device.state();
    const std::lock_guard lock(state.mutex);
    auto outcome = run_all(state, x, outputs, parallel_for);
    state.tell_people();
    return outcome;
}

Input input_of(InputRows rows) {
    return {static_cast<int64_t>(rows.size()),
            [rows](int64_t m, float*) { return rows[static_cast<size_t>(m)]; }};
}

Result<Outcome> multiply(Device& device, InputRows x, std::span<const Output> outputs,
                         const ParallelFor& parallel_for) {
    return multiply(device, input_of(x), outputs, parallel_for);
}

Result<Outcome> multiply(Device& device, const Weights& weights, const float* x, int64_t x_stride,
                         int64_t m, float* y, int64_t y_stride, const ParallelFor& parallel_for) {
    if (m < 0) return misuse("M is negative");
    std::vector<float*> results(static_cast<size_t>(m));
    for (int64_t row = 0; row < m; ++row) results[static_cast<size_t>(row)] = y + row * y_stride;
    const Output output{.weights = &weights, .rows = results};
    const Input input{m, [=](int64_t row, float*) { return x + row * x_stride; }};
    return multiply(device, input, std::span(&output, 1), parallel_for);
}

}  // namespace rosenblatt::matmul
