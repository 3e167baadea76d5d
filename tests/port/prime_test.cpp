// SPDX-License-Identifier: MIT
// PRIME: a buffer under a second file's handle, and the fences that cross with it.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "port_fixture.hpp"

namespace rosenblatt::port_test {
namespace {

ROSENBLATT_PORT_SUITE(Prime);

int export_fd(RawFile& file, uint32_t handle) {
    drm_rocket_prime_handle prime{};
    prime.handle = handle;
    prime.flags = O_RDWR | O_CLOEXEC;
    const int result = file.ioctl(DRM_IOCTL_ROCKET_PRIME_HANDLE_TO_FD, &prime);
    return result < 0 ? result : prime.fd;
}

int import_fd(RawFile& file, int fd, uint32_t* handle) {
    drm_rocket_prime_handle prime{};
    prime.fd = fd;
    const int result = file.ioctl(DRM_IOCTL_ROCKET_PRIME_FD_TO_HANDLE, &prime);
    *handle = prime.handle;
    return result;
}

TEST_P(Prime, ASecondFileGetsAHandleButNoAddress) {
    RawFile first(port()), second(port());
    RawBo bo(port(), first.fd, 4096);
    const int fd = export_fd(first, bo.handle);
    ASSERT_GE(fd, 0);
    uint32_t handle = 0;
    EXPECT_EQ(import_fd(second, fd, &handle), 0);
    EXPECT_EQ(second.prep(handle, 0), 0);
    RawBo own(port(), second.fd, 4096);
    EXPECT_EQ(own.iova, 0u);  // the import took none
    EXPECT_EQ(second.close_handle(handle), 0);
    EXPECT_EQ(port().close(fd), 0);
}

TEST_P(Prime, ImportingTwiceGivesTheSameHandle) {
    RawFile first(port()), second(port());
    RawBo bo(port(), first.fd, 4096);
    const int fd = export_fd(first, bo.handle);
    uint32_t once = 0, twice = 0, at_home = 0;
    EXPECT_EQ(import_fd(second, fd, &once), 0);
    EXPECT_EQ(import_fd(second, fd, &twice), 0);
    EXPECT_EQ(import_fd(first, fd, &at_home), 0);
    EXPECT_EQ(once, twice);
    EXPECT_EQ(at_home, bo.handle);
    EXPECT_EQ(second.close_handle(once), 0);
    EXPECT_EQ(port().close(fd), 0);
}

TEST_P(Prime, BadHandlesAndDescriptorsHaveTheirOwnErrors) {
    RawFile file(port());
    uint32_t handle = 0;
    EXPECT_EQ(export_fd(file, 999), -ENOENT);
    EXPECT_EQ(import_fd(file, 1 << 20, &handle), -EBADF);
    EXPECT_EQ(import_fd(file, file.fd, &handle), -EINVAL);
}

TEST_P(Prime, AJobWaitsForTheWriterOfItsInputInAnotherFile) {
    RawFile first(port()), second(port());
    Matmul writer(first, 1), reader(second, 2);
    const int fd = export_fd(first, writer.output.handle);
    uint32_t shared = 0;
    ASSERT_EQ(import_fd(second, fd, &shared), 0);
    reader.in_handles.push_back(shared);

    EXPECT_EQ(first.submit(writer.job({k_hanging_task})), 0);
    EXPECT_EQ(reader.submit(), 0);
    EXPECT_EQ(reader.wait(in(100 * k_ms)), -ETIMEDOUT);
    EXPECT_EQ(second.prep(shared, 0), -EBUSY);
    EXPECT_EQ(reader.wait(), 0);
    EXPECT_TRUE(reader.output_is_right());
    EXPECT_EQ(second.close_handle(shared), 0);
    EXPECT_EQ(port().close(fd), 0);
}

}  // namespace
}  // namespace rosenblatt::port_test
