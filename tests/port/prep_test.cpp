// SPDX-License-Identifier: MIT
// PREP_BO and FINI_BO: whom they wait for, and what their timeouts mean.
#include <gtest/gtest.h>
#include <sys/time.h>

#include <cerrno>
#include <csignal>

#include "port_fixture.hpp"

namespace rosenblatt::port_test {
namespace {

ROSENBLATT_PORT_SUITE(PrepBo);

// A job that is busy until the watchdog ends it after half a second.
class Busy {
  public:
    explicit Busy(KernelPort& port) : file(port), matmul(file) {
        EXPECT_EQ(file.submit(matmul.job({k_hanging_task})), 0);
    }
    RawFile file;
    Matmul matmul;
};

TEST_P(PrepBo, AnIdleBufferIsReadyAtOnce) {
    RawFile file(port());
    RawBo bo(port(), file.fd, 4096);
    EXPECT_EQ(file.prep(bo.handle, 0), 0);
    EXPECT_EQ(file.prep(bo.handle, in(1000 * k_ms)), 0);
}

TEST_P(PrepBo, ABusyBufferWithTimeoutZeroIsEbusy) {
    Busy busy(port());
    EXPECT_EQ(busy.matmul.wait(0), -EBUSY);
}

TEST_P(PrepBo, ABusyBufferWithATimeInThePastIsEbusy) {
    Busy busy(port());
    EXPECT_EQ(busy.matmul.wait(in(-5)), -EBUSY);
    EXPECT_EQ(busy.matmul.wait(1), -EBUSY);
    EXPECT_EQ(busy.matmul.wait(-1), -EBUSY);
}

TEST_P(PrepBo, TimeoutsAreAbsoluteAndEndInEtimedout) {
    Busy busy(port());
    EXPECT_EQ(busy.matmul.wait(in(20 * k_ms)), -ETIMEDOUT);
}

TEST_P(PrepBo, AnInputBufferIsReadyWhileItsJobRuns) {
    Busy busy(port());
    EXPECT_EQ(busy.file.prep(busy.matmul.features.handle, 0), 0);
    EXPECT_EQ(busy.matmul.wait(0), -EBUSY);
}

TEST_P(PrepBo, WithoutAnOutputListedNothingCanBeWaitedFor) {
    RawFile file(port());
    Matmul matmul(file);
    matmul.out_handles.clear();
    EXPECT_EQ(file.submit(matmul.job({k_hanging_task})), 0);
    EXPECT_EQ(matmul.wait(0), 0);
    Matmul next(file, 2);  // jobs of a file run in order: after this one the first has ended
    EXPECT_EQ(next.submit(), 0);
    EXPECT_EQ(next.wait(), 0);
    EXPECT_TRUE(next.output_is_right());
}

volatile sig_atomic_t alarms = 0;

TEST_P(PrepBo, SignalsDoNotEndTheWait) {
    Busy busy(port());
    alarms = 0;
    struct sigaction count {}, before {};
    count.sa_handler = [](int) { alarms = alarms + 1; };  // without SA_RESTART
    ASSERT_EQ(sigaction(SIGALRM, &count, &before), 0);
    const itimerval every_20_ms{{0, 20'000}, {0, 20'000}}, off{};
    ASSERT_EQ(setitimer(ITIMER_REAL, &every_20_ms, nullptr), 0);
    EXPECT_EQ(busy.matmul.wait(), 0);
    ASSERT_EQ(setitimer(ITIMER_REAL, &off, nullptr), 0);
    ASSERT_EQ(sigaction(SIGALRM, &before, nullptr), 0);
    EXPECT_GT(alarms, 0);
    EXPECT_EQ(busy.matmul.wait(0), 0);
}

TEST_P(PrepBo, AReservedFieldIsEinvalAndAnUnknownHandleEnoent) {
    RawFile file(port());
    RawBo bo(port(), file.fd, 4096);
    EXPECT_EQ(file.prep(bo.handle, 0, 1), -EINVAL);
    EXPECT_EQ(file.prep(999, 0), -ENOENT);
    EXPECT_EQ(file.prep(999, 0, 1), -EINVAL);
}

TEST_P(PrepBo, HandlesOfAnotherFileAreUnknown) {
    RawFile first(port()), second(port());
    RawBo bo(port(), first.fd, 4096);
    EXPECT_EQ(second.prep(bo.handle, 0), -ENOENT);
    EXPECT_EQ(second.fini(bo.handle), -ENOENT);
    EXPECT_EQ(second.close_handle(bo.handle), -EINVAL);
}

ROSENBLATT_PORT_SUITE(FiniBo);

TEST_P(FiniBo, AReservedFieldIsEinvalAndAnUnknownHandleEnoent) {
    RawFile file(port());
    RawBo bo(port(), file.fd, 4096);
    EXPECT_EQ(file.fini(bo.handle), 0);
    EXPECT_EQ(file.fini(bo.handle, 1), -EINVAL);
    EXPECT_EQ(file.fini(999), -ENOENT);
}

}  // namespace
}  // namespace rosenblatt::port_test
