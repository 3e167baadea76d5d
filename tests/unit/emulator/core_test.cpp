// SPDX-License-Identifier: MIT
// The core as rocket.ko sees it: registers, register groups, interrupts, chains.
#include "emulator/core.hpp"

#include <gtest/gtest.h>

#include "support/emulator_bench.hpp"

namespace rosenblatt::emulator {
namespace {

using testing::Matmul;
using testing::matmul_stream;
using testing::MemoryBus;
using testing::Stream;

constexpr testing::MatmulShape k_shape{4, 32, 32};

struct CoreTest : ::testing::Test {
    Core core{0};
    MemoryBus bus;
    Matmul matmul{bus, k_shape, 1};
    Stream stream = matmul_stream(k_shape).tail(0xd);

    uint32_t raw() const { return core.read_register(Window::Pc, 0x2c); }
};

TEST_F(CoreTest, SaysFireInItsVersion) {
    EXPECT_EQ(core.read_register(Window::Pc, 0x00), 0x46495245U);
    EXPECT_EQ(core.read_register(Window::Pc, 0x04) & 0xffff, 0U);
}

TEST_F(CoreTest, RunsATaskOnlyAfterTheKickAndOnce) {
    EXPECT_FALSE(core.task_pending());
    kick(core, bus, stream);
    EXPECT_TRUE(core.task_pending());
    EXPECT_EQ(core.run_task(bus).completion, Completion::Done);
    EXPECT_FALSE(core.task_pending());
    EXPECT_EQ(core.run_task(bus).completion, Completion::Hung);
    EXPECT_EQ(matmul.mismatches(), 0U);
}

TEST_F(CoreTest, RaisesTheInterruptOnlyWhenTheOwnerSaysTheTimeHasPassed) {
    kick(core, bus, stream);
    const TaskOutcome outcome = core.run_task(bus);
    EXPECT_GT(outcome.modelled_ns, 0);
    EXPECT_EQ(raw(), 0U);
    EXPECT_FALSE(core.irq_level());
    core.complete();
    EXPECT_EQ(raw() & 0x300, 0x100U);
    EXPECT_TRUE(core.irq_level());
    EXPECT_EQ(core.read_register(Window::Pc, 0x28), 0x100U);
    core.write_register(Window::Pc, 0x20, 0);
    EXPECT_FALSE(core.irq_level());
    core.write_register(Window::Pc, 0x24, 0x1ffff);
    EXPECT_EQ(raw(), 0U);
}

TEST_F(CoreTest, AlternatesBetweenTheRegisterGroupsAndTheirInterrupts) {
    for (const uint32_t expected : {0x100U, 0x200U, 0x100U, 0x200U}) {
        kick(core, bus, stream);
        ASSERT_EQ(core.run_task(bus).completion, Completion::Done);
        core.complete();
        EXPECT_EQ(raw() & 0x300, expected);
        testing::acknowledge(core);
    }
}

TEST_F(CoreTest, AStreamThatLeavesARegisterOutGetsTheValueOfTwoTasksAgo) {
    ASSERT_EQ(run(core, bus, stream).completion, Completion::Done);  // group 0
    ASSERT_EQ(run(core, bus, stream).completion, Completion::Done);  // group 1
    Stream other = stream;
    other.set(0x4080, 1000);                                        // OUT_CVT_OFFSET
    ASSERT_EQ(run(core, bus, other).completion, Completion::Done);  // group 0
    EXPECT_EQ(matmul.result(0, 0), matmul.expected(0, 0) + 1000);
    Stream without = stream;
    without.drop(0x4080);
    run(core, bus, without);  // group 1: still 0
    EXPECT_EQ(matmul.result(0, 0), matmul.expected(0, 0));
    run(core, bus, without);  // group 0: 1000 of two tasks ago
    EXPECT_EQ(matmul.result(0, 0), matmul.expected(0, 0) + 1000);
}

TEST_F(CoreTest, IgnoresTheLinkInTheTailBecauseTheKernelAsksForOneTask) {
    Stream linked = stream;
    linked.words[linked.words.size() - 4] = 0x0101ULL << 48 | uint64_t{0xdead0} << 16 | 0x0010;
    EXPECT_EQ(run(core, bus, linked).completion, Completion::Done);
    EXPECT_EQ(core.read_register(Window::Pc, 0x3c), 1U);
}

TEST_F(CoreTest, FollowsLinksWhenTheTaskNumberAllowsAndRaisesOneInterrupt) {
    const testing::MatmulPlaces second{.c = 0x9000000};
    Matmul next(bus, k_shape, 9, second);
    Matmul first(bus, k_shape, 1);
    Stream chained = matmul_stream(k_shape, second).tail(0xd);
    std::memcpy(bus.map(0x20000, chained.words.size() * 8), chained.words.data(),
                chained.words.size() * 8);
    Stream linked = stream;
    linked.words[linked.words.size() - 4] = 0x0101ULL << 48 | uint64_t{0x20000} << 16 | 0x0010;
    linked.words[linked.words.size() - 3] =
        0x0101ULL << 48 | uint64_t{(chained.words.size() + 1) / 2 - 1} << 16 | 0x0014;
    kick(core, bus, linked);
    core.write_register(Window::Pc, 0x30, 0x7002);
    const TaskOutcome outcome = core.run_task(bus);
    ASSERT_EQ(outcome.completion, Completion::Done) << outcome.fault->sentence;
    core.complete();
    EXPECT_EQ(core.read_register(Window::Pc, 0x3c), 2U);
    EXPECT_EQ(first.mismatches(), 0U);
    EXPECT_EQ(outcome.mac_cycles, 2U * k_shape.m);
}

TEST_F(CoreTest, AddsTheDmaBaseToEveryAddress) {
    MemoryBus high;
    Matmul moved(high, k_shape, 3,
                 {.stream = 0, .a = 0x50100000, .b = 0x52000000, .c = 0x58000000});
    kick(core, high, stream, 0x10000);
    core.write_register(Window::Pc, 0x34, 0x50000000);
    EXPECT_EQ(core.run_task(high).completion, Completion::Done);
    EXPECT_EQ(moved.mismatches(), 0U);
}

TEST_F(CoreTest, ResetForgetsRegistersGroupsAndInterrupts) {
    run(core, bus, stream);
    core.reset();
    EXPECT_EQ(raw(), 0U);
    EXPECT_EQ(core.read_register(Window::Cna, 0x04), 0U);
    kick(core, bus, stream);
    core.run_task(bus);
    core.complete();
    EXPECT_EQ(raw() & 0x300, 0x100U);
}

TEST_F(CoreTest, IgnoresAccessesOutsideItsWindows) {
    core.write_register(Window::Pc, 0x1008, 1);
    core.write_register(Window::Cna, 0xfff1, 1);
    EXPECT_FALSE(core.task_pending());
    EXPECT_EQ(core.read_register(Window::Core, 0x2000), 0U);
    EXPECT_EQ(core.read_register(Window::Cna, 0xffc), 0U);
}

TEST_F(CoreTest, InstancesShareNothing) {
    Core other{1};
    kick(core, bus, stream);
    EXPECT_FALSE(other.task_pending());
    core.run_task(bus);
    core.complete();
    EXPECT_FALSE(other.irq_level());
}

}  // namespace
}  // namespace rosenblatt::emulator
