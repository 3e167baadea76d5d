// SPDX-License-Identifier: MIT
// Any shape, row counts of 0, 1 and 2^31 among them: the planner refuses or plans legally, packing
// refuses or packs, and what was packed multiplies as plain loops do, whatever floats it holds.
#include <fuzzer/FuzzedDataProvider.h>

#include <bit>
#include <limits>

#include "compile/planner.hpp"
#include "compile/search.hpp"
#include "compile/tiling.hpp"
#include "emukernel/port.hpp"
#include "matmul/multiply.hpp"
#include "matmul/reference.hpp"
#include "quant/int8.hpp"
#include "require.hpp"
#include "unit/compile/plan_check.hpp"

namespace rosenblatt::fuzz {
namespace {

constexpr int64_t k_absurd[] = {0,
                                1,
                                -1,
                                31,
                                32,
                                33,
                                3073,
                                4097,
                                8960,
                                151936,
                                1 << 20,
                                1 << 24,
                                (1 << 24) + 1,
                                int64_t{1} << 31,
                                int64_t{1} << 32,
                                (int64_t{1} << 32) + 32,
                                std::numeric_limits<int64_t>::max(),
                                std::numeric_limits<int64_t>::min()};

int64_t size(FuzzedDataProvider& input, int64_t usual) {
    return input.ConsumeIntegral<uint8_t>() < 64 ? input.PickValueInArray(k_absurd)
                                                 : input.ConsumeIntegralInRange<int64_t>(1, usual);
}

compile::Limits limits(FuzzedDataProvider& input) {
    compile::Limits all{.max_data_banks = input.ConsumeIntegralInRange<uint32_t>(1, 11)};
    if (input.ConsumeBool()) return all;
    all.bank_bytes = 1U << input.ConsumeIntegralInRange<uint32_t>(7, 15);
    all.max_m = input.ConsumeIntegralInRange<uint32_t>(1, 1020);
    all.max_k = 32 * input.ConsumeIntegralInRange<uint32_t>(1, 96);
    all.max_n = 32 * input.ConsumeIntegralInRange<uint32_t>(1, 128);
    all.max_job_ns = input.ConsumeIntegralInRange<uint32_t>(1, 100'000'000);
    return all;
}

void check_plan(FuzzedDataProvider& input) {
    compile::TilingRequest request;
    request.k = static_cast<uint32_t>(size(input, 4096));
    request.n = static_cast<uint32_t>(size(input, 4096));
    request.type = input.ConsumeBool() ? compile::NumberType::Int8 : compile::NumberType::F16;
    request.lanes = input.ConsumeIntegralInRange<uint32_t>(0, 4);
    request.limits = limits(input);
    if (input.ConsumeBool())
        for (int i = input.ConsumeIntegralInRange(1, 3); i > 0; --i)
            request.slice_ends.push_back(static_cast<uint32_t>(size(input, 4096)) & ~31U);
    const auto m = static_cast<uint32_t>(size(input, 600));
    const auto tiling = compile::tiling_for(request);
    if (!tiling) {
        FUZZ_REQUIRE(!tiling.error().message.empty());
        return;
    }
    compile::Conditions conditions;
    conditions.machine = {.clock_mhz = input.PickValueInArray({200.0, 600.0, 1000.0}),
                          .lanes = request.lanes};
    const auto plan = compile::make_plan(m, *tiling, conditions);
    if (!plan) {
        FUZZ_REQUIRE(!plan.error().message.empty());
        return;
    }
    FUZZ_REQUIRE(plan->shape.m == m && plan->time_ns > 0);
    if (plan->tiles.size() > 4096 || uint64_t{request.k} * request.n > 1 << 24) return;
    const std::string wrong = compile::complaint(*plan, *tiling);
    if (!wrong.empty()) std::fprintf(stderr, "%s\n", wrong.c_str());
    FUZZ_REQUIRE(wrong.empty());
}

/// Floats of all kinds, mostly ordinary ones.
std::vector<float> floats(FuzzedDataProvider& input, size_t count) {
    std::vector<float> values(count);
    auto state = input.ConsumeIntegral<uint32_t>();
    for (float& value : values) {
        state = state * 1664525 + 1013904223;
        value = static_cast<float>(static_cast<int32_t>(state)) * 0x1p-31F;
    }
    for (int odd = input.ConsumeIntegralInRange(0, 4); odd > 0 && count > 0; --odd)
        values[input.ConsumeIntegralInRange<size_t>(0, count - 1)] =
            std::bit_cast<float>(input.ConsumeIntegral<uint32_t>());
    return values;
}

struct Row {
    std::vector<int8_t> codes;
    std::vector<float> scales;
    bool good;
};

Row quantised(const quant::RowFormat& format, bool one_scale, const float* values) {
    Row row{std::vector<int8_t>(static_cast<size_t>(format.k_padded)),
            std::vector<float>(static_cast<size_t>(format.slices())), false};
    std::vector<float> scratch(row.codes.size());
    row.good = quant::quantise_row(format, one_scale, values, scratch.data(), row.codes.data(),
                                   row.scales.data()) == quant::RowCheck::Good;
    return row;
}

struct Problem {
    int64_t m, k, n;
    Pipeline pipeline;
    std::vector<float> x, w;

    void check(const std::vector<float>& y) const {
        const quant::RowFormat format = quant::row_format(pipeline, k);
        for (int64_t j = 0; j < n; ++j) {
            const Row column = quantised(format, true, &w[static_cast<size_t>(j * k)]);
            FUZZ_REQUIRE(column.good);
            for (int64_t i = 0; i < m; ++i) {
                const Row row = quantised(format, false, &x[static_cast<size_t>(i * k)]);
                FUZZ_REQUIRE(row.good);
                std::vector<int32_t> sums;
                for (int64_t s = 0; s < format.slices(); ++s)
                    sums.push_back(matmul::reference::dot(
                        &row.codes[static_cast<size_t>(format.slice_begin(s))],
                        &column.codes[static_cast<size_t>(format.slice_begin(s))],
                        format.slice_end(s) - format.slice_begin(s)));
                const float wanted =
                    matmul::reference::scaled_sum(sums, row.scales.data(), column.scales[0]);
                const float got = y[static_cast<size_t>(i * n + j)];
                FUZZ_REQUIRE(std::bit_cast<uint32_t>(got) == std::bit_cast<uint32_t>(wanted));
            }
        }
    }
};

void check_product(FuzzedDataProvider& input) {
    const matmul::WeightShape shape{.n = size(input, 200), .k = size(input, 500)};
    const int64_t m = input.ConsumeIntegralInRange<int64_t>(0, 20);
    const bool small = shape.n > 0 && shape.k > 0 && shape.n <= 512 && shape.k <= 9000;
    Problem problem{m,  shape.k, shape.n, input.ConsumeBool() ? Pipeline::W8A8H : Pipeline::W8A8,
                    {}, {}};
    if (small) {
        problem.x = floats(input, static_cast<size_t>(m * shape.k));
        problem.w = floats(input, static_cast<size_t>(shape.n * shape.k));
    }
    auto port = emukernel::Port::create({.watchdog = std::chrono::milliseconds(1)});
    FUZZ_REQUIRE(port.ok());
    matmul::DeviceOptions options;
    options.lanes = input.ConsumeIntegralInRange<unsigned>(1, 3);
    options.mem_max_bytes = 64 << 20;
    if (const compile::Limits chosen = limits(input); small && input.ConsumeBool())
        options.limits = chosen;
    const auto device = matmul::Device::open(**port, emukernel::k_device_path, options);
    FUZZ_REQUIRE(device.ok());
    (void)matmul::packed_bytes(shape, problem.pipeline);
    const auto rows = [&](int64_t n, float* to) {
        for (int64_t i = 0; i < shape.k; ++i)
            to[i] = small ? problem.w[static_cast<size_t>(n * shape.k + i)] : 1.0F;
    };
    const auto weights = matmul::pack(**device, shape, rows, problem.pipeline);
    if (!weights) {
        FUZZ_REQUIRE(!weights.error().message.empty());
        return;
    }
    if (!small) return;
    std::vector<float> y(static_cast<size_t>(m * shape.n), -7.0F);
    const auto outcome =
        matmul::multiply(**device, **weights, problem.x.data(), shape.k, m, y.data(), shape.n);
    if (outcome && *outcome == matmul::Outcome::Done) problem.check(y);
    if (outcome && *outcome == matmul::Outcome::OutOfRange)
        for (const float value : y) FUZZ_REQUIRE(value == -7.0F);
}

}  // namespace
}  // namespace rosenblatt::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    FuzzedDataProvider input(data, size);
    if (input.ConsumeBool())
        rosenblatt::fuzz::check_plan(input);
    else
        rosenblatt::fuzz::check_product(input);
    return 0;
}
