// SPDX-License-Identifier: MIT
// Loading: quantised rows of a model, ggml's own dequantisation, to packed int8 tiles in BOs of the
// emulated device.
#include <ggml.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "against_memcpy.hpp"
#include "emukernel/port.hpp"
#include "matmul/device.hpp"
#include "matmul/weights.hpp"

namespace rosenblatt::bench {
namespace {

matmul::ParallelFor threads(unsigned count) {
    return [count](int64_t total, const matmul::LoopBody& body) {
        std::vector<std::thread> workers;
        for (unsigned t = 0; t < count; ++t)
            workers.emplace_back([&body, total, t, count] {
                body(total * t / count, total * (t + 1) / count);
            });
        for (std::thread& worker : workers) worker.join();
    };
}

void load(benchmark::State& state, ggml_type type) {
    const int64_t k = state.range(0), n = state.range(1);
    const auto count = static_cast<unsigned>(state.range(2));
    const size_t row_bytes = ggml_row_size(type, k);
    std::vector<float> floats(static_cast<size_t>(k * n));
    std::mt19937 random(1);
    for (float& f : floats) f = static_cast<float>(static_cast<int>(random() % 2001) - 1000) * 1e-5F;
    std::vector<char> rows(row_bytes * static_cast<size_t>(n));
    ggml_quantize_chunk(type, floats.data(), rows.data(), 0, n, k, nullptr);
    const auto to_float = ggml_get_type_traits(type)->to_float;
    const matmul::RowSource source = [&](int64_t row, float* to) {
        to_float(rows.data() + static_cast<size_t>(row) * row_bytes, to, k);
    };

    auto port = emukernel::Port::create({});
    auto device = matmul::Device::open(**port, emukernel::k_device_path, {});
    if (!device) return state.SkipWithError(device.error().message.c_str());
    double best = std::numeric_limits<double>::max();
    for (auto _ : state) {
        const double time = seconds_of([&] {
            auto weights = matmul::pack(**device, {n, k}, source, Pipeline::W8A8H, threads(count));
            if (!weights) state.SkipWithError(weights.error().message.c_str());
        });
        best = std::min(best, time);
        state.SetIterationTime(time);
    }
    state.counters["int8_GB/s"] = static_cast<double>(k * n) / best * 1e-9;
}

void shapes(benchmark::internal::Benchmark* b) {
    b->ArgNames({"k", "n", "threads"})
        ->Args({1536, 8960, 2})
        ->Args({8960, 1536, 2})
        ->Args({1536, 8960, 1})
        ->UseManualTime()
        ->Iterations(5);
}

BENCHMARK_CAPTURE(load, q4_K, GGML_TYPE_Q4_K)->Apply(shapes);
BENCHMARK_CAPTURE(load, q6_K, GGML_TYPE_Q6_K)->Apply(shapes);
BENCHMARK_CAPTURE(load, q8_0, GGML_TYPE_Q8_0)->Apply(shapes);
BENCHMARK_CAPTURE(load, f16, GGML_TYPE_F16)->Apply(shapes);

}  // namespace
}  // namespace rosenblatt::bench

BENCHMARK_MAIN();
