// SPDX-License-Identifier: MIT
// The watchdog, the order of jobs, fences between files, and buffers that go away under a job.
// Half a second is the kernel's own watchdog time; deadlines leave another half as room.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "emukernel/port.hpp"
#include "port_fixture.hpp"

namespace rosenblatt::port_test {
namespace {

ROSENBLATT_PORT_SUITE(Watchdog);

TEST_P(Watchdog, AHungJobLooksLikeSuccessAfterHalfASecond) {
    RawFile file(port());
    Matmul matmul(file);
    EXPECT_EQ(file.submit(matmul.job({k_hanging_task})), 0);
    EXPECT_EQ(matmul.wait(in(100 * k_ms)), -ETIMEDOUT);
    EXPECT_EQ(matmul.wait(), 0);
    EXPECT_TRUE(matmul.output_is_untouched());
}

TEST_P(Watchdog, TheJobAfterAHungOneRunsFine) {
    RawFile file(port());
    Matmul hung(file, 1), next(file, 2);
    EXPECT_EQ(file.submit(hung.job({k_hanging_task})), 0);
    EXPECT_EQ(next.submit(), 0);
    EXPECT_EQ(next.wait(), 0);
    EXPECT_TRUE(next.output_is_right());
    EXPECT_TRUE(hung.output_is_untouched());
}

TEST_P(Watchdog, TasksBeforeTheHungOneHaveWrittenTheirOutput) {
    RawFile file(port());
    Matmul matmul(file), after(file, 2);
    matmul.out_handles.push_back(after.output.handle);
    EXPECT_EQ(file.submit(matmul.job({matmul.task(), k_hanging_task, after.task()})), 0);
    EXPECT_EQ(matmul.wait(), 0);
    EXPECT_TRUE(matmul.output_is_right());
    EXPECT_TRUE(after.output_is_untouched());
}

TEST_P(Watchdog, AnOutputThatIsNotMappedHangsTheJob) {
    RawFile file(port());
    Matmul matmul(file);
    const auto words = matmul_stream(matmul.features.iova, matmul.weights.iova, 0xdead0000u);
    std::memcpy(matmul.command.data, words.data(), words.size() * sizeof words[0]);
    EXPECT_EQ(file.fini(matmul.command.handle), 0);
    EXPECT_EQ(matmul.submit(), 0);
    EXPECT_EQ(matmul.wait(in(100 * k_ms)), -ETIMEDOUT);
    EXPECT_EQ(matmul.wait(), 0);
    EXPECT_TRUE(matmul.output_is_untouched());
}

TEST_P(Watchdog, HalfASecondIsForTheWholeJobNotForEachTask) {
    RawFile file(port());
    Matmul body(file, 1), last(file, 2);
    // A task takes 26 to 35 us however small it is; 40,000 of them exceed any reading of that.
    std::vector<drm_rocket_task> tasks(40'000, body.task());
    tasks.push_back(last.task());
    body.out_handles.push_back(last.output.handle);
    EXPECT_EQ(file.submit(body.job(tasks)), 0);
    EXPECT_EQ(body.wait(), 0);
    EXPECT_TRUE(body.output_is_right());
    EXPECT_TRUE(last.output_is_untouched());
    EXPECT_EQ(last.submit(), 0);
    EXPECT_EQ(last.wait(), 0);
    EXPECT_TRUE(last.output_is_right());
}

ROSENBLATT_PORT_SUITE(Schedule);

TEST_P(Schedule, JobsOfOneFileRunOneAtATimeInOrder) {
    RawFile file(port());
    Matmul first(file, 1), second(file, 2);
    EXPECT_EQ(file.submit(first.job({k_hanging_task})), 0);
    EXPECT_EQ(second.submit(), 0);
    // The second has nothing to do with the first, and still waits for it.
    EXPECT_EQ(second.wait(in(100 * k_ms)), -ETIMEDOUT);
    EXPECT_TRUE(second.output_is_untouched());
    EXPECT_EQ(second.wait(), 0);
    EXPECT_EQ(first.wait(0), 0);
    EXPECT_TRUE(second.output_is_right());
}

TEST_P(Schedule, JobsOfThreeFilesRunAtTheSameTime) {
    struct Hung {
        explicit Hung(KernelPort& port) : file(port), matmul(file) {}
        RawFile file;
        Matmul matmul;
    };
    std::vector<std::unique_ptr<Hung>> lanes;
    for (int i = 0; i < 3; ++i) lanes.push_back(std::make_unique<Hung>(port()));
    for (auto& lane : lanes) EXPECT_EQ(lane->file.submit(lane->matmul.job({k_hanging_task})), 0);
    const int64_t deadline = in(1300 * k_ms);  // in sequence the third would end after 1500 ms
    for (auto& lane : lanes) EXPECT_EQ(lane->matmul.wait(deadline), 0);
}

TEST_P(Schedule, AnotherFileIsServedWhileOneHangs) {
    RawFile hung_file(port()), file(port());
    Matmul hung(hung_file, 1), matmul(file, 2);
    EXPECT_EQ(hung_file.submit(hung.job({k_hanging_task})), 0);
    EXPECT_EQ(matmul.submit(), 0);
    EXPECT_EQ(matmul.wait(), 0);
    EXPECT_TRUE(matmul.output_is_right());
    EXPECT_EQ(hung.wait(0), -EBUSY);
}

ROSENBLATT_PORT_SUITE(Lifetime);

TEST_P(Lifetime, AListedBufferMayBeClosedWhileItsJobIsQueued) {
    RawFile file(port());
    Matmul hung(file, 1), matmul(file, 2);
    EXPECT_EQ(file.submit(hung.job({k_hanging_task})), 0);
    EXPECT_EQ(matmul.submit(), 0);
    EXPECT_EQ(matmul.weights.close(), 0);
    EXPECT_EQ(matmul.wait(), 0);
    EXPECT_TRUE(matmul.output_is_right());
}

TEST_P(Lifetime, ABufferInNoListIsUnmappedUnderItsQueuedJob) {
    RawFile file(port());
    Matmul hung(file, 1), matmul(file, 2);
    std::erase(matmul.in_handles, matmul.weights.handle);
    EXPECT_EQ(file.submit(hung.job({k_hanging_task})), 0);
    EXPECT_EQ(matmul.submit(), 0);
    // The mapping holds the buffer as well as the handle does.
    EXPECT_EQ(port().munmap(matmul.weights.data, matmul.weights.size), 0);
    matmul.weights.data = nullptr;
    EXPECT_EQ(matmul.weights.close(), 0);
    EXPECT_EQ(matmul.wait(), 0);
    EXPECT_TRUE(matmul.output_is_untouched());
}

TEST_P(Lifetime, AClosedBuffersAddressIsFreeOnceItsJobHasEnded) {
    RawFile file(port());
    auto matmul = std::make_unique<Matmul>(file);
    EXPECT_EQ(matmul->submit(), 0);
    EXPECT_EQ(matmul->wait(), 0);
    matmul.reset();
    Matmul again(file, 3);
    EXPECT_EQ(again.submit(), 0);
    EXPECT_EQ(again.wait(), 0);
    EXPECT_TRUE(again.output_is_right());
}

// Only here: the real driver frees the job's buffers into the closed file's address space (use
// after free, "kernel BUG at lib/list_debug.c").
TEST(EmukernelLifetime, AFileMayBeClosedWhileItsJobRuns) {
    auto port = emukernel::Port::create();
    ASSERT_TRUE(port) << port.error().message;
    {
        RawFile file(**port);
        Matmul matmul(file);
        EXPECT_EQ(file.submit(matmul.job({k_hanging_task})), 0);
    }
    RawFile file(**port);
    Matmul matmul(file, 5);
    EXPECT_EQ(matmul.submit(), 0);
    EXPECT_EQ(matmul.wait(), 0);
    EXPECT_TRUE(matmul.output_is_right());
}

}  // namespace
}  // namespace rosenblatt::port_test
