// SPDX-License-Identifier: MIT
// Rows of a matrix fetched as a map 2, 4, 8 or 16 pixels wide give the results of the map one pixel
// wide, whole cubes and ranges of rows alike.
#include <gtest/gtest.h>

#include "compile/emit_matmul.hpp"
#include "support/emulator_bench.hpp"

namespace rosenblatt::compile {
namespace {

constexpr testing::MatmulPlaces k_places;

struct Case {
    uint32_t stored, m0, m, k, n;
};

MatmulTask task_of(const Case& c) {
    MatmulTask task;
    task.m = c.m;
    task.k = c.k;
    task.n = c.n;
    task.data_banks = 6;
    task.weight_banks = 6;
    task.features = native_features(c.stored);
    task.output = native_results(npu::Element::Int8, npu::Element::Int32, c.m);
    task.feature_address = k_places.a + c.m0 * npu::k_atom_bytes;
    task.weight_address = k_places.b;
    task.output_address = k_places.c;
    return task;
}

/// All results of `task`, from the same operands every time.
std::vector<std::byte> run(const Case& c, const MatmulTask& task) {
    testing::MemoryBus bus;
    testing::fill_random(bus.map(k_places.a, size_t{c.stored} * c.k), size_t{c.stored} * c.k, 1);
    testing::fill_random(bus.map(k_places.b, size_t{c.n} * c.k), size_t{c.n} * c.k, 2);
    std::byte* results = bus.map(k_places.c, size_t{c.m} * c.n * 4);
    emulator::Core core{0, {.strict = true}};
    testing::Stream stream;
    stream.words = emit_matmul(task);
    const auto outcome = testing::run(core, bus, stream);
    EXPECT_EQ(outcome.completion, emulator::Completion::Done)
        << (outcome.fault ? outcome.fault->sentence : "");
    return {results, results + size_t{c.m} * c.n * 4};
}

TEST(FoldedMap, GivesTheResultsOfTheNarrowOne) {
    const Case cases[] = {{176, 0, 176, 96, 64}, {512, 176, 160, 160, 32}, {100, 40, 60, 64, 96},
                          {45, 12, 33, 32, 32},  {7, 0, 6, 96, 32},        {16, 0, 16, 1536, 32},
                          {1, 0, 1, 64, 32}};
    for (const Case& c : cases) {
        MatmulTask task = task_of(c);
        const std::vector<std::byte> narrow = run(c, task);
        task.features = folded_features(c.m, c.stored);
        EXPECT_EQ(task.features.width, npu::map_width(c.m));
        EXPECT_TRUE(run(c, task) == narrow) << c.m << " of " << c.stored << " rows";
    }
}

TEST(FoldedMap, IsWhatAConvolutionNetworkOfThatSizeWouldBe) {
    const Case c{176, 0, 176, 96, 64};
    const npu::FeatureStrides folded = folded_features(c.m, c.stored);
    const npu::FeatureStrides network = npu::native_strides(16, 11);
    EXPECT_EQ(folded.line_stride, network.line_stride);
    EXPECT_EQ(folded.surface_stride, network.surface_stride);
    EXPECT_EQ(folded.group_line_off, network.group_line_off);
}

}  // namespace
}  // namespace rosenblatt::compile
