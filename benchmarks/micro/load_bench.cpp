// SPDX-License-Identifier: MIT
// Loading: quantised rows of a model, read as the backend reads them, to packed int8 tiles in BOs of the
// emulated device; and the same tiles from the packed-weight cache.
#include <benchmark/benchmark.h>
#include <ggml.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include "emukernel/port.hpp"
#include "ggml/packed_cache.hpp"
#include "ggml/tile_store.hpp"
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

/// A weight in a model's file, as ggml would find it.
struct Model {
    ggml_type type;
    int64_t k, n;
    size_t row_bytes;
    std::vector<std::byte> rows;

    Model(ggml_type weight_type, int64_t columns, int64_t features)
        : type(weight_type), k(columns), n(features), row_bytes(ggml_row_size(type, k)) {
        std::vector<float> floats(static_cast<size_t>(k * n));
        std::mt19937 random(1);
        for (float& f : floats)
            f = static_cast<float>(static_cast<int>(random() % 2001) - 1000) * 1e-5F;
        rows.resize(row_bytes * static_cast<size_t>(n));
        ggml_quantize_chunk(type, floats.data(), rows.data(), 0, n, k, nullptr);
    }
    matmul::RowSource source() const {
        return ggml::row_source(type, rows.data(), row_bytes, k);
    }
};

/// Real time, as several threads work.
double elapsed(const auto& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The best of the runs is what the rate is counted from.
void measure(benchmark::State& state, const Model& model, const matmul::WeightShelf* shelf) {
    auto port = emukernel::Port::create({});
    auto device = matmul::Device::open(**port, emukernel::k_device_path, {});
    if (!device) return state.SkipWithError(device.error().message.c_str());
    const auto count = static_cast<unsigned>(state.range(2));
    double best = std::numeric_limits<double>::max();
    for (auto _ : state) {
        const double time = elapsed([&] {
            auto weights = matmul::pack(**device, {model.n, model.k}, model.source(),
                                        Pipeline::W8A8H, threads(count), shelf);
            if (!weights) state.SkipWithError(weights.error().message.c_str());
        });
        best = std::min(best, time);
        state.SetIterationTime(time);
    }
    state.counters["int8_GB/s"] = static_cast<double>(model.k * model.n) / best * 1e-9;
}

void load(benchmark::State& state, ggml_type type) {
    measure(state, Model(type, state.range(0), state.range(1)), nullptr);
}

/// From the packed-weight cache, its file in the page cache: hashes the weight, reads, compares.
void load_cached(benchmark::State& state, ggml_type type) {
    const Model model(type, state.range(0), state.range(1));
    char folder[] = "/tmp/bench_load.XXXXXX";
    if (!mkdtemp(folder)) return state.SkipWithError("no folder for the cache in /tmp");
    const ggml::PackedCache cache(folder, uint64_t{1} << 30);
    const auto loop = threads(static_cast<unsigned>(state.range(2)));
    ggml::PackedCache::Key key;
    uint64_t missed = 0;
    const matmul::WeightShelf shelf{
        [&](const std::string& layout, const ggml::PackedCache::Parts& parts) {
            key = ggml::PackedCache::key_of(model.rows, layout, loop);
            const bool found = cache.load(key, parts, loop) == ggml::PackedCache::Loaded::Yes;
            missed += !found;
            return found;
        },
        [&](const std::string&, const ggml::PackedCache::Parts& parts) {
            cache.store(key, parts, loop);
        }};
    measure(state, model, &shelf);
    if (missed != 1) state.SkipWithError("the cache was not found every time but the first");
    std::filesystem::remove_all(folder);
}

void shapes(benchmark::internal::Benchmark* b) {
    b->ArgNames({"k", "n", "threads"})
        ->Args({1536, 8960, 2})
        ->Args({8960, 1536, 2})
        ->Args({1536, 8960, 1})
        ->UseManualTime()
        ->Iterations(25);
}

BENCHMARK_CAPTURE(load, q4_K, GGML_TYPE_Q4_K)->Apply(shapes);
BENCHMARK_CAPTURE(load, q6_K, GGML_TYPE_Q6_K)->Apply(shapes);
BENCHMARK_CAPTURE(load, q8_0, GGML_TYPE_Q8_0)->Apply(shapes);
BENCHMARK_CAPTURE(load, f16, GGML_TYPE_F16)->Apply(shapes);
BENCHMARK_CAPTURE(load_cached, q4_K, GGML_TYPE_Q4_K)->Apply(shapes);
BENCHMARK_CAPTURE(load_cached, f16, GGML_TYPE_F16)->Apply(shapes);

}  // namespace
}  // namespace rosenblatt::bench

BENCHMARK_MAIN();
