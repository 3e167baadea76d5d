// SPDX-License-Identifier: MIT
// CBUF accounting: what does not fit is a fault, and weights wrap around their banks.
#include "emulator/cbuf.hpp"

#include <gtest/gtest.h>

#include "support/emulator_bench.hpp"

namespace rosenblatt::emulator {
namespace {

using testing::Matmul;
using testing::matmul_stream;
using testing::MemoryBus;
using testing::Stream;

TaskOutcome run_with(uint32_t cbuf_con0, testing::MatmulShape shape = {4, 32, 32}) {
    Core core{0};
    MemoryBus bus;
    Matmul matmul(bus, shape, 1);
    return run(core, bus, matmul_stream(shape).set(0x1040, cbuf_con0).tail(0xd));
}

void expect_overcommitted(const TaskOutcome& outcome) {
    EXPECT_EQ(outcome.completion, Completion::Hung);
    ASSERT_TRUE(outcome.fault);
    EXPECT_EQ(outcome.fault->kind, FaultKind::CbufOvercommitted) << outcome.fault->sentence;
}

TEST(Cbuf, AStreamThatAsksForThirteenBanksFaults) {
    expect_overcommitted(run_with(11 << 4 | 2));
    EXPECT_EQ(run_with(10 << 4 | 2).completion, Completion::Done);
}

TEST(Cbuf, AStreamWithoutDataOrWeightBanksFaults) {
    expect_overcommitted(run_with(12 << 4));
    expect_overcommitted(run_with(12));
}

TEST(Cbuf, AForeignFcDataBankFaults) {
    expect_overcommitted(run_with(1 << 8 | 11 << 4 | 1));
}

TEST(Cbuf, AKernelOfMoreThanOneBankFaults) {
    expect_overcommitted(run_with(8 << 4 | 4, {1, 32800, 32}));
    EXPECT_EQ(run_with(8 << 4 | 4, {1, 32768, 32}).completion, Completion::Done);
}

TEST(Cbuf, ARowThatDoesNotFitTheDataBanksFaults) {
    Core core{0};
    MemoryBus bus;
    constexpr testing::MatmulShape shape{1024, 64, 32};  // as one line of 64 KiB
    Matmul matmul(bus, shape, 1);
    auto stream = matmul_stream(shape);
    stream.set(0x1020, shape.m << 16 | 1).set(0x1028, shape.m).set(0x1084, shape.m << 16 | 1);
    stream.set(0x1080, 0x10000000 - 3 * shape.m);
    stream.set(0x3014, shape.m - 1)
        .set(0x4030, shape.m - 1)
        .set(0x4034, 0)
        .set(0x405c, shape.m - 1);
    expect_overcommitted(run(core, bus, Stream(stream).set(0x1040, 11 << 4 | 1).tail(0xd)));
    core.reset();
    EXPECT_EQ(run(core, bus, Stream(stream).set(0x1040, 10 << 4 | 2).tail(0xd)).completion,
              Completion::Done);
}

TEST(Cbuf, WeightsWrapAroundTheirBanks) {
    Cbuf cbuf;
    cbuf.reset(std::byte{0});
    cbuf.split(11, 1);
    std::vector<std::byte> stream(80000);
    testing::fill_random(stream.data(), stream.size(), 2);
    cbuf.store_weights(0, stream);
    std::vector<std::byte> tail(32768);
    cbuf.load_weights(80000 - 32768, tail);
    EXPECT_TRUE(std::equal(tail.begin(), tail.end(), stream.end() - 32768));
}

}  // namespace
}  // namespace rosenblatt::emulator
