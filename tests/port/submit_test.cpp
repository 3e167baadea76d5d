// SPDX-License-Identifier: MIT
// SUBMIT: what it refuses, and everything wrong with a job that it does not report.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <vector>

#include "port_fixture.hpp"

namespace rosenblatt::port_test {
namespace {

ROSENBLATT_PORT_SUITE(Submit);

TEST_P(Submit, AMatmulGivesTheRightAnswer) {
    RawFile file(port());
    Matmul matmul(file);
    EXPECT_EQ(matmul.submit(), 0);
    EXPECT_EQ(matmul.wait(), 0);
    EXPECT_TRUE(matmul.output_is_right());
}

TEST_P(Submit, JobsOfOneCallRunInOrder) {
    RawFile file(port());
    Matmul first(file, 1), second(file, 2);
    std::vector<drm_rocket_job> jobs = {first.job(), second.job()};
    drm_rocket_submit submit{};
    submit.jobs = reinterpret_cast<uintptr_t>(jobs.data());
    submit.job_count = 2;
    submit.job_struct_size = sizeof jobs[0];
    EXPECT_EQ(file.ioctl(DRM_IOCTL_ROCKET_SUBMIT, &submit), 0);
    EXPECT_EQ(second.wait(), 0);
    EXPECT_TRUE(first.output_is_right());
    EXPECT_TRUE(second.output_is_right());
}

TEST_P(Submit, TasksOfAJobRunOneAfterAnother) {
    RawFile file(port());
    Matmul first(file, 1), second(file, 2);
    first.out_handles.push_back(second.output.handle);
    EXPECT_EQ(file.submit(first.job({first.task(), second.task()})), 0);
    EXPECT_EQ(second.wait(), 0);
    EXPECT_TRUE(first.output_is_right());
    EXPECT_TRUE(second.output_is_right());
}

TEST_P(Submit, NoJobsAreFineWhateverElseTheArgumentSays) {
    RawFile file(port());
    drm_rocket_submit submit{};
    submit.jobs = 16;
    submit.job_struct_size = 1;
    submit.reserved = 5;
    EXPECT_EQ(file.ioctl(DRM_IOCTL_ROCKET_SUBMIT, &submit), 0);
}

TEST_P(Submit, AShortJobStructOrAReservedFieldIsEinval) {
    RawFile file(port());
    Matmul matmul(file);
    const auto job = matmul.job();
    drm_rocket_submit submit{};
    submit.jobs = reinterpret_cast<uintptr_t>(&job);
    submit.job_count = 1;
    submit.job_struct_size = 39;
    EXPECT_EQ(file.ioctl(DRM_IOCTL_ROCKET_SUBMIT, &submit), -EINVAL);
    submit.job_struct_size = 40;
    submit.reserved = 1;
    EXPECT_EQ(file.ioctl(DRM_IOCTL_ROCKET_SUBMIT, &submit), -EINVAL);
}

TEST_P(Submit, UnreadableJobsAreEfault) {
    RawFile file(port());
    drm_rocket_submit submit{};
    submit.jobs = 0x1000;
    submit.job_count = 1;
    submit.job_struct_size = 40;
    EXPECT_EQ(file.ioctl(DRM_IOCTL_ROCKET_SUBMIT, &submit), -EFAULT);
}

TEST_P(Submit, MoreJobsThanAnArrayCanHoldAreEnomem) {
    RawFile file(port());
    drm_rocket_submit submit{};
    submit.jobs = 0x1000;
    submit.job_count = 0xffffffffu;
    submit.job_struct_size = 40;
    EXPECT_EQ(file.ioctl(DRM_IOCTL_ROCKET_SUBMIT, &submit), -ENOMEM);
}

TEST_P(Submit, LongerStructsAreReadByTheirOwnStride) {
    RawFile file(port());
    Matmul first(file, 1), second(file, 2);
    struct WideJob {
        drm_rocket_job job;
        uint64_t more = ~0ull;
    };
    const std::vector<WideJob> jobs = {{first.job()}, {second.job()}};
    drm_rocket_submit submit{};
    submit.jobs = reinterpret_cast<uintptr_t>(jobs.data());
    submit.job_count = 2;
    submit.job_struct_size = sizeof jobs[0];
    EXPECT_EQ(file.ioctl(DRM_IOCTL_ROCKET_SUBMIT, &submit), 0);
    EXPECT_EQ(second.wait(), 0);
    EXPECT_TRUE(first.output_is_right());
    EXPECT_TRUE(second.output_is_right());
}

TEST_P(Submit, LongerTaskStructsAreReadByTheirOwnStride) {
    RawFile file(port());
    Matmul first(file, 1), second(file, 2);
    struct WideTask {
        drm_rocket_task task;
        uint64_t more = ~0ull;
    };
    const std::vector<WideTask> tasks = {{first.task()}, {second.task()}};
    first.out_handles.push_back(second.output.handle);
    auto job = first.job();
    job.tasks = reinterpret_cast<uintptr_t>(tasks.data());
    job.task_count = 2;
    job.task_struct_size = sizeof tasks[0];
    EXPECT_EQ(file.submit(job), 0);
    EXPECT_EQ(second.wait(), 0);
    EXPECT_TRUE(first.output_is_right());
    EXPECT_TRUE(second.output_is_right());
}

TEST_P(Submit, ABufferThatIsReadAndWrittenNeedsOnlyTheOutList) {
    RawFile file(port());
    Matmul matmul(file);
    matmul.out_handles.push_back(matmul.features.handle);
    std::erase(matmul.in_handles, matmul.features.handle);
    EXPECT_EQ(matmul.submit(), 0);
    EXPECT_EQ(file.prep(matmul.features.handle, k_forever), 0);
    EXPECT_TRUE(matmul.output_is_right());
}

TEST_P(Submit, TheStreamAndItsOperandsNeedNotBeListed) {
    RawFile file(port());
    Matmul matmul(file);
    matmul.in_handles.clear();
    EXPECT_EQ(matmul.submit(), 0);
    EXPECT_EQ(matmul.wait(), 0);
    EXPECT_TRUE(matmul.output_is_right());
}

// One thing wrong with a job: SUBMIT answers 0, the job never runs, nothing is left to wait for,
// and the next sound job is served.
class SilentlyDropped {
  public:
    explicit SilentlyDropped(KernelPort& port) : file(port), matmul(file) {}

    void expect(const std::function<void(drm_rocket_job&)>& spoil) {
        drm_rocket_job job = matmul.job();
        spoil(job);
        EXPECT_EQ(file.submit(job), 0);
        EXPECT_EQ(matmul.wait(0), 0);
        EXPECT_TRUE(matmul.output_is_untouched());
        EXPECT_EQ(file.submit(sound_job()), 0);
        EXPECT_EQ(sound().wait(), 0);
        EXPECT_TRUE(sound().output_is_right());
        EXPECT_TRUE(matmul.output_is_untouched());
    }

    RawFile file;
    Matmul matmul;

  private:
    Matmul& sound() {
        if (!sound_) sound_ = std::make_unique<Matmul>(file, 7);
        return *sound_;
    }
    drm_rocket_job sound_job() { return sound().job(); }
    std::unique_ptr<Matmul> sound_;
};

TEST_P(Submit, AJobWithoutTasksIsDroppedInSilence) {
    SilentlyDropped(port()).expect([](drm_rocket_job& job) { job.task_count = 0; });
}

TEST_P(Submit, AJobWithShortTaskStructsIsDroppedInSilence) {
    SilentlyDropped(port()).expect([](drm_rocket_job& job) { job.task_struct_size = 4; });
}

TEST_P(Submit, AJobWithUnreadableTasksIsDroppedInSilence) {
    SilentlyDropped(port()).expect([](drm_rocket_job& job) { job.tasks = 0x1000; });
}

TEST_P(Submit, AJobWithAnEmptyStreamIsDroppedInSilence) {
    SilentlyDropped dropped(port());
    dropped.expect([&](drm_rocket_job&) { dropped.matmul.tasks_of_job[0].regcmd_count = 0; });
}

TEST_P(Submit, AJobWithAnUnknownInputIsDroppedInSilence) {
    SilentlyDropped dropped(port());
    dropped.expect([&](drm_rocket_job&) { dropped.matmul.in_handles[0] = 0x7777; });
}

TEST_P(Submit, AJobWithAnUnknownOutputIsDroppedInSilence) {
    SilentlyDropped dropped(port());
    dropped.expect([&](drm_rocket_job&) { dropped.matmul.out_handles[0] = 0x7777; });
}

TEST_P(Submit, AJobWithUnreadableHandlesIsDroppedInSilence) {
    SilentlyDropped(port()).expect([](drm_rocket_job& job) { job.in_bo_handles = 0x1000; });
}

TEST_P(Submit, AJobThatListsABufferTwiceAsInputIsDroppedInSilence) {
    SilentlyDropped dropped(port());
    dropped.expect(
        [&](drm_rocket_job&) { dropped.matmul.in_handles[1] = dropped.matmul.in_handles[0]; });
}

TEST_P(Submit, AJobThatListsABufferAsInputAndOutputIsDroppedInSilence) {
    SilentlyDropped dropped(port());
    dropped.expect(
        [&](drm_rocket_job&) { dropped.matmul.in_handles[2] = dropped.matmul.output.handle; });
}

TEST_P(Submit, TheOtherJobsOfTheCallRunWhenOneIsDropped) {
    RawFile file(port());
    Matmul bad(file, 1), good(file, 2);
    std::vector<drm_rocket_job> jobs = {bad.job(), good.job()};
    jobs[0].task_count = 0;
    drm_rocket_submit submit{};
    submit.jobs = reinterpret_cast<uintptr_t>(jobs.data());
    submit.job_count = 2;
    submit.job_struct_size = sizeof jobs[0];
    EXPECT_EQ(file.ioctl(DRM_IOCTL_ROCKET_SUBMIT, &submit), 0);
    EXPECT_EQ(good.wait(), 0);
    EXPECT_TRUE(good.output_is_right());
    EXPECT_TRUE(bad.output_is_untouched());
}

}  // namespace
}  // namespace rosenblatt::port_test
