// SPDX-License-Identifier: MIT
// The rows. Measured figures are those of reference hardware.md 7.1 and field.md 3 to 5, by row or
// source; GFLOPS and TOPS there are 2*M*K*N over the time.
#include "timing_rows.hpp"

#include <cmath>
#include <cstdio>

#include "npu/geometry.hpp"

namespace rosenblatt::npu {
namespace {

struct Shape {
    uint64_t m, k, n;
};

constexpr uint64_t k_whole_line = 0;   ///< the closed runtime fetches M pixels as one line
constexpr uint64_t k_four_lines = 64;  ///< the open library: maps one pixel wide, four lines a run

/// A matmul of one task.
TaskWork one_task(Shape s, Element type, Layout layout, uint64_t run = k_whole_line) {
    const MacArray array = mac_array(type);
    const uint64_t banks = cbuf_data_banks(s.m, bytes_of(type, s.k));
    const uint64_t output_bits = type == Element::Int4 ? 16 : 32;
    return {.rows = s.m,
            .tiles = div_round_up<uint64_t>(s.k, array.channels),
            .groups = div_round_up<uint64_t>(s.n, array.kernels),
            .weight_bytes = bytes_of(type, s.k * s.n),
            .weight_capacity = (k_cbuf_banks - banks) * k_cbuf_bank_bytes,
            .feature_bytes = bytes_of(type, s.m * s.k),
            .output_bytes = s.m * s.n * output_bits / 8,
            .features = layout,
            .output = layout,
            .feature_run = run};
}

double one_core_ms(const TaskWork& work, double clock_mhz = 1000) {
    return task_ns(work, {.clock_mhz = clock_mhz, .lanes = 1}) / 1e6;
}

double ms_of_rate(Shape s, double giga_ops) {
    return 2e-6 * static_cast<double>(s.m * s.k * s.n) / giga_ops;
}

/// Two equal tasks in one kick: the vendor's kernel lets the PC follow the links of a stream.
double two_chained_ms(const TaskWork& half, double clock_mhz = 1000) {
    const TaskTime time = task_time(half, {.clock_mhz = clock_mhz, .lanes = 1});
    return (time.total() + time.on_npu()) / 1e6;
}

/// Rows on the vendor's kernel at 1 GHz. Its native int8 features take four banks at most, so that
/// 128 rows of K = 2048 are two tasks.
void add_vendor(std::vector<MeasuredRow>& rows) {
    const auto add = [&rows](const char* what, const char* source, Kind kind, double ms,
                             const TaskWork& work) {
        rows.push_back({what, source, kind, ms, one_core_ms(work)});
    };
    constexpr auto native = Layout::Native;
    constexpr auto row_major = Layout::RowMajor;
    const Shape wide{128, 1024, 8192};
    const Shape square{128, 2048, 2048};
    const Shape one{1, 2048, 2048};
    add("int8 128x1024x8192 native", "4a unimatrix", Kind::Npu, 1.144,
        one_task(wide, Element::Int8, native));
    rows.push_back({"int8 128x2048x2048 native", "4a unimatrix", Kind::Npu, 0.797,
                    two_chained_ms(one_task({64, 2048, 2048}, Element::Int8, native))});
    add("int8 128x2048x2048 row-major", "4a unimatrix", Kind::Npu, 0.634,
        one_task(square, Element::Int8, row_major));
    add("int4 128x2048x2048 native", "4a unimatrix", Kind::Npu, 0.300,
        one_task(square, Element::Int4, native));
    add("int8 1x2048x2048 native", "4a unimatrix", Kind::Npu, 0.390,
        one_task(one, Element::Int8, native));
    add("int4 1x2048x2048 native", "4a unimatrix", Kind::Npu, 0.203,
        one_task(one, Element::Int4, native));
    add("fp16 128x1024x8192 native, 900 GFLOPS", "row 1", Kind::Call, ms_of_rate(wide, 900),
        one_task(wide, Element::Fp16, native));
    add("fp16 128x1024x8192 row-major, 750 GFLOPS", "row 4", Kind::Call, ms_of_rate(wide, 750),
        one_task(wide, Element::Fp16, row_major));
    add("int8 128x1024x8192 native, 1.8 TOPS", "row 2", Kind::Call, ms_of_rate(wide, 1800),
        one_task(wide, Element::Int8, native));
}

/// fp16 with one row and K = 2048: the weight stream alone. Differences remove the call's own cost.
void add_weight_stream(std::vector<MeasuredRow>& rows) {
    const auto model = [](uint64_t n) {
        return one_core_ms(one_task({1, 2048, n}, Element::Fp16, Layout::Native));
    };
    const auto measured = [](uint64_t n, double rate) { return ms_of_rate({1, 2048, n}, rate); };
    rows.push_back(
        {"fp16 1x2048x2048, 8.1 GFLOPS", "row 6", Kind::Call, measured(2048, 8.1), model(2048)});
    rows.push_back(
        {"fp16 1x2048x5504, 9.0 GFLOPS", "row 6", Kind::Call, measured(5504, 9.0), model(5504)});
    rows.push_back({"fp16 1x2048x32000, 10.9 GFLOPS", "row 6", Kind::Call, measured(32000, 10.9),
                    model(32000)});
    rows.push_back({"fp16 1x2048xN, N from 5504 to 32000", "row 6", Kind::Slope,
                    measured(32000, 10.9) - measured(5504, 9.0), model(32000) - model(5504)});
}

/// Mainline rocket, 512x3840x4096 fp16 as 320 tasks of 256x384x256, 64 to a job.
void add_rocket(std::vector<MeasuredRow>& rows) {
    const TaskWork task = one_task({256, 384, 256}, Element::Fp16, Layout::Native, k_four_lines);
    const TaskWork least = one_task({8, 64, 16}, Element::Fp16, Layout::Native, k_four_lines);
    const Shape shape{512, 3840, 4096};
    const Machine fast{.clock_mhz = 600, .lanes = 1};
    const double fast_ms = 320 * one_core_ms(task, 600);
    const double slow_ms = 320 * one_core_ms(task, 200);
    const double submit = submit_ns() / 1e6;
    const double chained = 320 * task_time(task, fast).on_npu() / 1e6 + one_core_ms({}, 600);
    rows.push_back({"rocket 600 MHz: smallest job, 8x64x16", "row 26, default", Kind::Npu, 0.054,
                    one_core_ms(least, 600) + submit});
    rows.push_back({"rocket 600 MHz: wait for 320 tasks in one kick", "row 25", Kind::Npu, 48,
                    chained + submit});
    rows.push_back({"rocket 600 MHz: wait for 320 kicks, 5 jobs", "row 25", Kind::Call, 62,
                    fast_ms + 5 * submit});
    rows.push_back({"rocket: the same, 200 against 600 MHz", "row 22, 56.5 and 75.3 GFLOPS",
                    Kind::Slope, ms_of_rate(shape, 56.5) - ms_of_rate(shape, 75.3),
                    slow_ms - fast_ms});
    // DATA_REUSE leaves 84 ms of wait and saves 21 %: 300 of 320 tasks keep the features.
    TaskWork reused = task;
    reused.feature_bytes = 0;
    rows.push_back({"rocket 600 MHz: features of 300 tasks reused", "row 32, of 84 ms", Kind::Slope,
                    84 / 0.79 - 84, 300 * (one_core_ms(task, 600) - one_core_ms(reused, 600))});
    rows.push_back({"rocket 600 MHz, 3 cores: 461 GOP/s fp16", "row 20", Kind::Call,
                    ms_of_rate(shape, 461),
                    107 * (task_ns(task, {.clock_mhz = 600, .lanes = 3}) / 1e6 + submit)});
}

/// All int8 weights of Qwen2.5-1.5B once, over three cores: a vendor decode step.
void add_decode(std::vector<MeasuredRow>& rows) {
    const Machine machine{.clock_mhz = 1000, .lanes = 3};
    const double weight_bytes = 1.5436e9;
    const double model = weight_bytes / 3 / read_bandwidth(machine) / 1e6;
    rows.push_back({"RKLLM decode, 16.69 tokens/s, weight stream", "field.md 5", Kind::Call,
                    1000 / 16.69, model});
}

}  // namespace

std::vector<MeasuredRow> measured_rows() {
    std::vector<MeasuredRow> rows;
    add_vendor(rows);
    add_weight_stream(rows);
    add_rocket(rows);
    add_decode(rows);
    return rows;
}

std::string markdown(const std::vector<MeasuredRow>& rows) {
    static constexpr const char* k_names[] = {"NPU", "whole call", "slope"};
    std::string text =
        "| measurement | source | kind | measured ms | model ms | model - measured |\n"
        "|---|---|---|---|---|---|\n";
    for (const MeasuredRow& row : rows) {
        char line[256];
        std::snprintf(line, sizeof line, "| %s | %s | %s | %.3f | %.3f | %+.1f %% |\n",
                      row.what.c_str(), row.source.c_str(), k_names[static_cast<int>(row.kind)],
                      row.measured_ms, row.model_ms, 100 * (row.model_ms / row.measured_ms - 1));
        text += line;
    }
    return text;
}

}  // namespace rosenblatt::npu
