// SPDX-License-Identifier: MIT
// Opening the device, VERSION, and which calls exist at all.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "port_fixture.hpp"

namespace rosenblatt::port_test {
namespace {

ROSENBLATT_PORT_SUITE(Open);

TEST_P(Open, ANodeThatDoesNotExistIsEnoent) {
    EXPECT_EQ(port().open("/dev/accel/accel63", O_RDWR), -ENOENT);
}

TEST_P(Open, AnExclusiveOpenIsEbusy) {
    EXPECT_EQ(port().open(k_path, O_RDWR | O_EXCL), -EBUSY);
}

TEST_P(Open, SeveralFilesAreOpenAtOnce) {
    RawFile first(port()), second(port());
    EXPECT_NE(first.fd, second.fd);
}

TEST_P(Open, ClosingADescriptorTwiceIsEbadf) {
    const int fd = port().open(k_path, O_RDWR);
    EXPECT_EQ(port().close(fd), 0);
    EXPECT_EQ(port().close(fd), -EBADF);
}

TEST_P(Open, VersionSaysRocketAndZeros) {
    RawFile file(port());
    char name[32] = {}, description[32] = {}, date[32] = {};
    drm_rocket_version version{};
    version.version_major = 9;
    version.name = name;
    version.name_len = 31;
    version.desc = description;
    version.desc_len = 31;
    version.date = date;
    version.date_len = 31;
    EXPECT_EQ(file.ioctl(DRM_IOCTL_ROCKET_VERSION, &version), 0);
    EXPECT_STREQ(name, "rocket");
    EXPECT_STREQ(description, "rocket DRM");
    EXPECT_STREQ(date, "0");
    EXPECT_EQ(version.version_major, 0);
    EXPECT_EQ(version.version_minor, 0);
    EXPECT_EQ(version.version_patchlevel, 0);
}

TEST_P(Open, VersionWithoutRoomAnswersTheLengths) {
    RawFile file(port());
    drm_rocket_version version{};
    EXPECT_EQ(file.ioctl(DRM_IOCTL_ROCKET_VERSION, &version), 0);
    EXPECT_EQ(version.name_len, 6u);
    EXPECT_EQ(version.desc_len, 10u);
    EXPECT_EQ(version.date_len, 1u);
}

TEST_P(Open, VersionWithLittleRoomFillsItAndAnswersTheFullLength) {
    RawFile file(port());
    char name[8] = "-------";
    drm_rocket_version version{};
    version.name = name;
    version.name_len = 3;
    EXPECT_EQ(file.ioctl(DRM_IOCTL_ROCKET_VERSION, &version), 0);
    EXPECT_EQ(std::string(name), "roc----");
    EXPECT_EQ(version.name_len, 6u);
}

TEST_P(Open, VersionIntoUnmappedMemoryIsEfault) {
    RawFile file(port());
    drm_rocket_version version{};
    version.name = reinterpret_cast<char*>(16);
    version.name_len = 6;
    EXPECT_EQ(file.ioctl(DRM_IOCTL_ROCKET_VERSION, &version), -EFAULT);
}

TEST_P(Open, AnArgumentInUnmappedMemoryIsEfault) {
    RawFile file(port());
    EXPECT_EQ(port().ioctl(file.fd, DRM_IOCTL_ROCKET_CREATE_BO, reinterpret_cast<void*>(16)),
              -EFAULT);
    EXPECT_EQ(port().ioctl(file.fd, DRM_IOCTL_ROCKET_PREP_BO, nullptr), -EFAULT);
}

TEST_P(Open, ADriverCallBeyondTheFourthIsEinval) {
    RawFile file(port());
    uint64_t argument = 0;
    EXPECT_EQ(file.ioctl(_IOWR('d', 0x44, uint64_t), &argument), -EINVAL);
    EXPECT_EQ(file.ioctl(_IOWR('d', 0x9f, uint64_t), &argument), -EINVAL);
}

TEST_P(Open, ACallThatIsNotOfDrmIsEnotty) {
    RawFile file(port());
    uint64_t argument = 0;
    EXPECT_EQ(file.ioctl(_IOWR('x', 0x40, uint64_t), &argument), -ENOTTY);
}

TEST_P(Open, SyncobjsAreNotSupported) {
    RawFile file(port());
    uint64_t argument = 0;
    for (const unsigned number : {0xbf, 0xc5})  // SYNCOBJ_CREATE, SYNCOBJ_SIGNAL
        EXPECT_EQ(file.ioctl(_IOWR('d', number, uint64_t), &argument), -EOPNOTSUPP);
}

TEST_P(Open, AShorterArgumentIsFilledWithZeros) {
    RawFile file(port());
    RawBo bo(port(), file.fd, 4096);
    uint32_t handle = bo.handle;  // PREP_BO without reserved and timeout: a poll
    EXPECT_EQ(file.ioctl(_IOW('d', 0x42, uint32_t), &handle), 0);
}

TEST_P(Open, OnlyTheNumberChoosesTheCall) {
    RawFile file(port());
    // SUBMIT without an argument: all zeros, so no jobs, which is fine.
    EXPECT_EQ(port().ioctl(file.fd, _IO('d', 0x41), nullptr), 0);
}

}  // namespace
}  // namespace rosenblatt::port_test
