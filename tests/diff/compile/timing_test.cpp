// SPDX-License-Identifier: MIT
// What the planner says a task costs is what the emulator reads out of the task's own registers:
// bytes moved, reuse, bank capacity, time.
#include <gtest/gtest.h>

#include "compile/emit_matmul.hpp"
#include "compile/planner.hpp"
#include "compile/score.hpp"
#include "compile/tiling.hpp"
#include "support/emulator_bench.hpp"

namespace rosenblatt::compile {
namespace {

using emulator::Completion;
using emulator::Core;
using npu::Element;

constexpr testing::MatmulPlaces k_places;

/// The task as the engine would emit it; every block at the same address, as reuse needs only equal
/// sizes here.
testing::Stream stream_of(const Tile& tile, NumberType type, uint32_t rows) {
    const bool int8 = type == NumberType::Int8;
    MatmulTask task;
    task.operand = int8 ? Element::Int8 : Element::Fp16;
    task.result = int8 ? Element::Int32 : Element::Fp32;
    task.m = tile.m;
    task.k = tile.k;
    task.n = tile.n;
    task.data_banks = tile.data_banks;
    task.weight_banks = tile.weight_banks;
    task.data_reuse = tile.data_reuse;
    task.weight_reuse = tile.weight_reuse;
    task.features = folded_features(tile.m, rows);
    task.output = native_results(task.operand, task.result, tile.m);
    task.feature_address = k_places.a + tile.m0 * npu::k_atom_bytes;
    task.weight_address = k_places.b + tile.block * (1U << 20);
    task.output_address = k_places.c;
    testing::Stream stream;
    stream.words = emit_matmul(task);
    return stream;
}

void expect_emulator_agrees(const Plan& plan, const Limits& limits) {
    Core core{0, {.strict = true}};
    core.set_machine(plan.conditions.machine);
    testing::MemoryBus bus;
    bus.map(k_places.a, 1 << 20);
    bus.map(k_places.b, 16 << 20);
    bus.map(k_places.c, 4 << 20);
    for (const Tile& tile : plan.tiles) {
        const auto outcome = testing::run(core, bus, stream_of(tile, plan.type, plan.shape.m));
        ASSERT_EQ(outcome.completion, Completion::Done)
            << (outcome.fault ? outcome.fault->sentence : "");
        const npu::TaskWork work = task_work(tile, plan.type, limits);
        EXPECT_EQ(outcome.work.weight_bytes, work.weight_bytes);
        EXPECT_EQ(outcome.work.feature_bytes, work.feature_bytes);
        EXPECT_EQ(outcome.work.output_bytes, work.output_bytes);
        EXPECT_NEAR(outcome.modelled_ns, npu::task_ns(work, plan.conditions.machine), 1)
            << "tile " << &tile - plan.tiles.data() << " of " << tile.m << " x " << tile.k << " x "
            << tile.n;
    }
}

TEST(PlannedTiming, IsTheEmulatorsForEveryTaskWithAndWithoutReuse) {
    bool weights_reused = false;
    bool features_reused = false;
    for (const NumberType type : {NumberType::Int8, NumberType::F16}) {
        for (const Order order : {Order::RowsFirst, Order::BlocksFirst}) {
            TilingRequest request;
            request.k = 320;
            request.n = 192;
            request.type = type;
            request.lanes = 1;
            const WeightTiling tiling = cut(request, {Deal::ByColumns, 1, Snap::Never, 64});
            const Plan plan = build_plan(tiling, {}, cut_rows(50, 3, 20), order);
            expect_emulator_agrees(plan, request.limits);
            for (const Tile& tile : plan.tiles) {
                weights_reused |= tile.weight_reuse;
                features_reused |= tile.data_reuse;
            }
        }
    }
    EXPECT_TRUE(weights_reused);
    EXPECT_TRUE(features_reused);
}

TEST(PlannedTiming, IsTheEmulatorsWhereWeightsStreamThroughFewBanks) {
    TilingRequest request;
    request.k = 1536;
    request.n = 96;
    request.lanes = 1;
    const WeightTiling tiling = cut(request, {Deal::ByColumns, 1, Snap::Never, 4096});
    for (const uint32_t rows : {16U, 172U, 200U})
        expect_emulator_agrees(build_plan(tiling, {}, {{0, rows}}, Order::RowsFirst),
                               request.limits);
}

}  // namespace
}  // namespace rosenblatt::compile
