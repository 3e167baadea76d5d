// SPDX-License-Identifier: MIT
// Streams that silicon does not finish: the emulator names the fault and nothing else happens.
#include <gtest/gtest.h>

#include "support/emulator_bench.hpp"

namespace rosenblatt::emulator {
namespace {

using testing::Matmul;
using testing::matmul_stream;
using testing::MemoryBus;
using testing::Stream;

constexpr testing::MatmulShape k_shape{4, 64, 64};

struct FaultTest : ::testing::Test {
    Core core{0};
    MemoryBus bus;
    Matmul matmul{bus, k_shape, 1};
    Stream stream = matmul_stream(k_shape);

    void expect(const TaskOutcome& outcome, Completion completion, FaultKind kind) {
        EXPECT_EQ(outcome.completion, completion);
        ASSERT_TRUE(outcome.fault);
        EXPECT_EQ(outcome.fault->kind, kind) << outcome.fault->sentence;
    }
    void expect_hang(const TaskOutcome& outcome, FaultKind kind) {
        expect(outcome, Completion::Hung, kind);
        EXPECT_FALSE(core.irq_level());
    }
};

TEST_F(FaultTest, AReadBeyondTheFeaturesRaisesTheReadErrorAndNoInterrupt) {
    stream.set(0x1070, 0x100000 + 16).tail(0xd);
    kick(core, bus, stream);
    const TaskOutcome outcome = core.run_task(bus);
    expect(outcome, Completion::BusFault, FaultKind::ReadUnmapped);
    EXPECT_EQ(outcome.fault->iova, 0x100000U + 4 * 64);
    EXPECT_EQ(outcome.fault->block, npu::Block::Cna);
    core.complete();
    EXPECT_EQ(core.read_register(Window::Pc, 0x2c), 1U << 12);
    EXPECT_FALSE(core.irq_level());
}

TEST_F(FaultTest, AWriteBeyondTheResultsRaisesTheWriteError) {
    stream.set(0x4020, 0x8000000 + 16).tail(0xd);
    kick(core, bus, stream);
    expect(core.run_task(bus), Completion::BusFault, FaultKind::WriteUnmapped);
    core.complete();
    EXPECT_EQ(core.read_register(Window::Pc, 0x2c), 1U << 13);
}

TEST_F(FaultTest, AnUnmappedStreamIsAReadError) {
    kick(core, bus, stream.tail(0xd));
    core.write_register(Window::Pc, 0x10, 0x40000000);
    expect(core.run_task(bus), Completion::BusFault, FaultKind::ReadUnmapped);
}

TEST_F(FaultTest, WeightsBeyondTheirBufferAreAReadErrorOfTheCna) {
    stream.set(0x1110, 0x2000000 + 4096).tail(0xd);
    expect(run(core, bus, stream), Completion::BusFault, FaultKind::ReadUnmapped);
}

TEST_F(FaultTest, AStreamWithoutAnEnableWordHangs) {
    expect_hang(run(core, bus, stream), FaultKind::StreamRejected);
}

TEST_F(FaultTest, ABlockEnabledTwiceHangs) {
    stream.tail(0xd).tail(0xd);
    expect_hang(run(core, bus, stream), FaultKind::StreamRejected);
}

TEST_F(FaultTest, AnEnableMaskThatLeavesABlockOutHangs) {
    for (const uint32_t mask : {0x1U, 0x4U, 0x8U, 0x5U, 0x9U, 0xcU}) {
        core.reset();
        expect_hang(run(core, bus, Stream(stream).tail(mask)), FaultKind::BlockWaits);
    }
}

TEST_F(FaultTest, TheRdmaTrapHangs) {
    for (const uint32_t offset : {0x5004, 0x500c, 0x5010, 0x5014, 0x5018, 0x501c, 0x5028, 0x5044})
        stream.reg(offset, offset == 0x5004 ? 0xe : 0);
    stream.reg(0x5034, 1);
    expect_hang(run(core, bus, Stream(stream).tail(0x1d)), FaultKind::RdmaUnconfigured);
    core.reset();
    stream.set(0x5044, 0x7810);
    EXPECT_EQ(run(core, bus, Stream(stream).tail(0x1d)).completion, Completion::Done);
    EXPECT_EQ(matmul.mismatches(), 0U);
}

TEST_F(FaultTest, SizesThatDisagreeBetweenBlocksHang) {
    for (const auto& [offset, value] :
         std::initializer_list<std::pair<uint32_t, uint32_t>>{{0x3014, 4 << 16},
                                                              {0x3018, 31},
                                                              {0x4030, 1},
                                                              {0x4034, 4},
                                                              {0x4058, 31},
                                                              {0x405c, 4 << 16},
                                                              {0x1028, 2},
                                                              {0x102c, 5},
                                                              {0x1034, 32},
                                                              {0x1030, 64}}) {
        core.reset();
        expect_hang(run(core, bus, Stream(stream).set(offset, value).tail(0xd)),
                    FaultKind::GeometryMismatch);
    }
}

TEST_F(FaultTest, TheOtherRegisterGroupsTurnHangs) {
    // Without ping-pong the POINTER bit selects group 1, but group 0 executes.
    stream.set(0x4004, 1).tail(0xd);
    expect_hang(run(core, bus, stream), FaultKind::BlockWaits);
}

TEST_F(FaultTest, MoreWorkThanAnyWatchdogAllowsHangs) {
    core.set_switches({.work_limit = 4 * 64 * 64 - 1});
    expect_hang(run(core, bus, Stream(stream).tail(0xd)), FaultKind::WorkLimit);
    core.reset();
    core.set_switches({.work_limit = 4 * 64 * 64});
    EXPECT_EQ(run(core, bus, Stream(stream).tail(0xd)).completion, Completion::Done);
}

TEST_F(FaultTest, SlaveModeAndZeroTasksHang) {
    kick(core, bus, Stream(stream).tail(0xd));
    core.write_register(Window::Pc, 0x10, 1);
    expect_hang(core.run_task(bus), FaultKind::BlockWaits);
    kick(core, bus, Stream(stream).tail(0xd));
    core.write_register(Window::Pc, 0x08, 0);
    core.write_register(Window::Pc, 0x30, 0x7000);
    core.write_register(Window::Pc, 0x08, 1);
    expect_hang(core.run_task(bus), FaultKind::BlockWaits);
}

TEST_F(FaultTest, AfterAHangOnlyAResetHelps) {
    run(core, bus, Stream(stream).set(0x3018, 31).tail(0xd));
    EXPECT_EQ(run(core, bus, Stream(stream).tail(0xd)).completion, Completion::Hung);
    core.reset();
    EXPECT_EQ(run(core, bus, Stream(stream).tail(0xd)).completion, Completion::Done);
}

TEST_F(FaultTest, StrictNamesARegisterTheStreamDidNotWrite) {
    core.set_switches({.strict = true});
    EXPECT_EQ(run(core, bus, Stream(stream).tail(0xd)).completion, Completion::Done);
    core.reset();
    Stream shorter = Stream(stream).drop(0x4080).tail(0xd);
    const TaskOutcome outcome = run(core, bus, shorter);
    expect_hang(outcome, FaultKind::UnwrittenRegister);
    EXPECT_NE(outcome.fault->sentence.find("0x4080"), std::string::npos) << outcome.fault->sentence;
    core.reset();
    expect_hang(run(core, bus, Stream(stream).drop(0x4004).tail(0xd)),
                FaultKind::UnwrittenRegister);
}

TEST_F(FaultTest, TheFaultNamesTheWordThatStartedTheBlocks) {
    stream.set(0x3018, 31).tail(0xd);
    EXPECT_EQ(run(core, bus, stream).fault->word, stream.words.size() - 1);
}

}  // namespace
}  // namespace rosenblatt::emulator
