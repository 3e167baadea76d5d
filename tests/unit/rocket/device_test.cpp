// SPDX-License-Identifier: MIT
#include "rocket/device.hpp"

#include <gtest/gtest.h>

#include "rocket/lane.hpp"
#include "rocket/system_port.hpp"
#include "scripted_port.hpp"

namespace rosenblatt::rocket {
namespace {

std::string errno_text(int code) {
    return std::to_string(-code);
}

void expect_sentence(const Error& error, int code, const char* part) {
    EXPECT_EQ(error.code, code) << error.message;
    EXPECT_NE(error.message.find(part), std::string::npos) << error.message;
    EXPECT_EQ(error.message.back(), '.') << error.message;
}

TEST(Device, AMissingNodeSaysWhatToCheck) {
    ScriptedPort port;
    const auto device = open_device(port, "/dev/accel/accel0");
    ASSERT_FALSE(device);
    expect_sentence(device.error(), ENOENT, "/dev/accel/accel0 does not exist");
}

TEST(Device, ANodeWithoutPermissionNamesTheWayIn) {
    ScriptedPort port;
    port.nodes["/dev/null"] = errno_text(EACCES);  // exists here and has a group
    const auto device = open_device(port, "/dev/null");
    ASSERT_FALSE(device);
    expect_sentence(device.error(), EACCES, "may not be opened by this user");
    EXPECT_NE(device.error().message.find("group"), std::string::npos);
}

TEST(Device, AnotherDriversNodeIsNamedAndClosed) {
    ScriptedPort port;
    port.nodes["/dev/accel/accel0"] = "amdxdna";
    const auto device = open_device(port, "/dev/accel/accel0");
    ASSERT_FALSE(device);
    expect_sentence(device.error(), ENODEV, "\"amdxdna\"");
    EXPECT_EQ(port.open_files, 0);
}

TEST(Device, ANameThatOnlyBeginsLikeRocketIsAnotherDriver) {
    ScriptedPort port;
    port.nodes["/a"] = "rocketeer";
    EXPECT_FALSE(open_device(port, "/a"));
    port.nodes["/a"] = std::string(100, 'r');  // longer than the room VERSION was given
    EXPECT_FALSE(open_device(port, "/a"));
}

TEST(Device, ANodeThatIsNoDrmDeviceSaysSo) {
    SystemPort port;
    const auto device = open_device(port, "/dev/null");
    ASSERT_FALSE(device);
    expect_sentence(device.error(), ENOTTY, "/dev/null is not a DRM device");
}

TEST(Device, TheScanPassesOverOtherDriversNodes) {
    ScriptedPort port;
    port.nodes["/dev/accel/accel0"] = "ivpu";
    port.nodes["/dev/accel/accel2"] = "rocket";
    const auto found = find_device(port);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(*found, "/dev/accel/accel2");
    EXPECT_EQ(port.open_files, 0);
}

TEST(Device, WithoutAnyNodeTheScanSaysSo) {
    ScriptedPort port;
    const auto found = find_device(port);
    ASSERT_FALSE(found);
    expect_sentence(found.error(), ENOENT, "No NPU found");
}

TEST(Device, ANodeThatLacksPermissionIsTheMostTelling) {
    ScriptedPort port;
    port.nodes["/dev/accel/accel0"] = "ivpu";
    port.nodes["/dev/accel/accel1"] = errno_text(EACCES);
    const auto found = find_device(port);
    ASSERT_FALSE(found);
    expect_sentence(found.error(), EACCES, "/dev/accel/accel1");
}

class LaneErrors : public testing::Test {
  protected:
    LaneErrors() { port.nodes["/a"] = "rocket"; }
    Lane lane() { return std::move(Lane::open(port, "/a")).value(); }
    ScriptedPort port;
};

TEST_F(LaneErrors, NoAddressesLeftIsExplained) {
    auto l = lane();
    port.other_ioctl = [](unsigned long, void*) { return -ENOSPC; };
    const auto bo = l.create_bo(4096);
    ASSERT_FALSE(bo);
    expect_sentence(bo.error(), ENOSPC, "4 GiB");
}

TEST_F(LaneErrors, ALostDeviceIsExplained) {
    auto l = lane();
    auto bo = l.create_bo(4096);
    ASSERT_TRUE(bo);
    port.other_ioctl = [](unsigned long, void*) { return -ENODEV; };
    const auto prepared = l.prepare_cpu(*bo, k_forever);
    ASSERT_FALSE(prepared);
    expect_sentence(prepared.error(), ENODEV, "gone");
}

TEST_F(LaneErrors, AFailedMappingGivesTheHandleBack) {
    auto l = lane();
    port.mmap_result = -ENOMEM;
    const auto bo = l.create_bo(4096);
    ASSERT_FALSE(bo);
    expect_sentence(bo.error(), ENOMEM, "Mapping");
    EXPECT_EQ(port.live_handles, 0);
}

TEST_F(LaneErrors, ThePositiveAnswerOfLinux618IsSuccess) {
    auto l = lane();
    auto bo = l.create_bo(4096);
    ASSERT_TRUE(bo);
    port.other_ioctl = [](unsigned long request, void*) {
        return request == DRM_IOCTL_ROCKET_PREP_BO ? 124 : 0;
    };
    EXPECT_TRUE(l.prepare_cpu(*bo, k_forever));
}

TEST_F(LaneErrors, DeadlinesAreHandedOverAsAbsoluteMonotonicNanoseconds) {
    auto l = lane();
    auto bo = l.create_bo(4096);
    int64_t asked = -1;
    port.other_ioctl = [&](unsigned long request, void* arg) {
        if (request == DRM_IOCTL_ROCKET_PREP_BO)
            asked = static_cast<drm_rocket_prep_bo*>(arg)->timeout_ns;
        return 0;
    };
    EXPECT_TRUE(l.prepare_cpu(*bo, k_poll));
    EXPECT_EQ(asked, 0);
    EXPECT_TRUE(l.prepare_cpu(*bo, k_forever));
    EXPECT_EQ(asked, INT64_MAX);
    EXPECT_TRUE(l.prepare_cpu(*bo, Deadline(std::chrono::nanoseconds(1234))));
    EXPECT_EQ(asked, 1234);
}

TEST_F(LaneErrors, EverythingIsClosedAtTheEnd) {
    {
        auto l = lane();
        auto bo = l.create_bo(4096);
        auto other = l.create_bo(4096);
        EXPECT_EQ(port.live_handles, 2);
        EXPECT_EQ(port.open_files, 1);
    }
    EXPECT_EQ(port.live_handles, 0);
    EXPECT_EQ(port.open_files, 0);
}

}  // namespace
}  // namespace rosenblatt::rocket
