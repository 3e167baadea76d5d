// SPDX-License-Identifier: MIT
// Fleet manifests: ours are valid, broken ones are refused with the place, the audit compares and
// fills them.
#include "cli/fleet.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/audit.hpp"

namespace rosenblatt::cli {
namespace {

namespace fs = std::filesystem;

const std::string k_source = ROSENBLATT_SOURCE_DIR;

fs::path scratch(const std::string& name) {
    const fs::path path = fs::path(testing::TempDir()) / ("rosenblatt-" + name);
    fs::remove(path);
    return path;
}

std::string run(const std::string& host, AuditOptions options, int expected_exit) {
    options.root = k_source + "/tests/data/hosts/" + host;
    std::ostringstream out;
    std::ostringstream err;
    EXPECT_EQ(run_audit(options, out, err), expected_exit) << err.str();
    return out.str();
}

TEST(Fleet, EveryManifestOfOursKeepsTheSchema) {
    size_t seen = 0;
    for (const auto& entry : fs::directory_iterator(k_source + "/fleet")) {
        if (entry.path().extension() != ".yaml") continue;
        const auto manifest = read_manifest(entry.path());
        ASSERT_TRUE(manifest) << manifest.error().message;
        const auto checked = check_manifest(entry.path(), *manifest);
        EXPECT_TRUE(checked) << checked.error().message;
        ++seen;
    }
    EXPECT_GE(seen, 1u);
}

TEST(Fleet, AnUnknownSocAndAMissingKeyAreBothNamed) {
    auto manifest = *read_manifest(k_source + "/fleet/boltzmann.yaml");
    manifest["soc"] = "rk3576";
    manifest["kernel"].erase("running_version");
    const auto checked = check_manifest("x.yaml", manifest);
    ASSERT_FALSE(checked);
    EXPECT_NE(checked.error().message.find("soc: \"rk3576\""), std::string::npos);
    EXPECT_NE(checked.error().message.find("kernel: \"running_version\" is missing"),
              std::string::npos);
}

TEST(Fleet, AnItxPlusInTheManifestIsNotTheItxInTheDeviceTree) {
    AuditOptions options;
    options.fleet = k_source + "/fleet/boltzmann.yaml";
    EXPECT_NE(run("itx-7.3", options, 0).find("board-name-mismatch"), std::string::npos);
    EXPECT_EQ(run("itx-7.3", {}, 0).find("board-name-mismatch"), std::string::npos);
}

TEST(Fleet, BoardsAreTheSameByModelByCompatibleAndWithoutTheMaker) {
    const std::vector<std::string> compatible = {"radxa,rock-5-itx", "rockchip,rk3588"};
    for (const char* name : {"Radxa ROCK 5 ITX", "rock-5-itx", "radxa,rock-5-itx", "ROCK 5 ITX"}) {
        EXPECT_TRUE(same_board(name, "Radxa ROCK 5 ITX", compatible)) << name;
    }
    for (const char* name : {"Radxa ROCK 5 ITX+", "rock-5-itx-plus", "ROCK 5B"}) {
        EXPECT_FALSE(same_board(name, "Radxa ROCK 5 ITX", compatible)) << name;
    }
}

TEST(Fleet, APatchTheRunningKernelHasIsToldToBeDropped) {
    const fs::path path = scratch("patched.yaml");
    auto manifest = *read_manifest(k_source + "/fleet/boltzmann.yaml");
    manifest["board"] = "unknown";
    manifest["kernel"]["patches"] = {"iommu-per-device-ops"};
    ASSERT_TRUE(write_manifest(path, manifest));
    AuditOptions options;
    options.fleet = path;
    EXPECT_NE(run("itx-7.3", options, 0).find("patch-not-needed"), std::string::npos);
    EXPECT_EQ(run("itx-7.2", options, 0).find("patch-not-needed"), std::string::npos);
}

TEST(Fleet, ANewManifestHoldsWhatTheHostSaysAndUnknownElsewhere) {
    const fs::path path = scratch("new.yaml");
    AuditOptions options;
    options.write_fleet = path;
    run("itx-6.18-disabled", options, 1);
    const auto manifest = read_manifest(path);
    ASSERT_TRUE(manifest) << manifest.error().message;
    EXPECT_TRUE(check_manifest(path, *manifest));
    EXPECT_EQ((*manifest)["soc"], "rk3588");
    EXPECT_EQ((*manifest)["board"], "Radxa ROCK 5 ITX");
    EXPECT_EQ((*manifest)["kernel"]["running_version"], "6.18.15+deb13-arm64");
    EXPECT_EQ((*manifest)["npu_driver"], "none");
    EXPECT_EQ((*manifest)["hardware"]["memory_gib"], 16);
    EXPECT_EQ((*manifest)["dt_npu_nodes"]["iommu@fdaca000"], "disabled");
    EXPECT_EQ((*manifest)["baseline_measurement"], "unknown");
}

TEST(Fleet, RefreshingAManifestKeepsWhatTheAuditCannotKnow) {
    const fs::path path = scratch("refreshed.yaml");
    fs::copy_file(k_source + "/fleet/boltzmann.yaml", path);
    AuditOptions options;
    options.write_fleet = path;
    run("itx-7.3", options, 0);
    const auto manifest = read_manifest(path);
    ASSERT_TRUE(manifest) << manifest.error().message;
    EXPECT_EQ((*manifest)["board"], "Radxa ROCK 5 ITX+");
    EXPECT_EQ((*manifest)["kernel"]["package"], "linux-rk3588-marfrit-A1");
    EXPECT_EQ((*manifest)["kernel"]["running_version"], "7.3.4-edge-rockchip64");
    EXPECT_EQ((*manifest)["npu_driver"], "rocket");
    EXPECT_EQ((*manifest)["kernel"]["config"]["CONFIG_DRM_ACCEL"], "y");
    EXPECT_EQ((*manifest)["dt_npu_nodes"]["npu@fdab0000"], "okay");
}

TEST(Fleet, AFileThatIsNoManifestIsWrongUsage) {
    const fs::path path = scratch("broken.yaml");
    std::ofstream(path) << "- just\n- a list\n";
    AuditOptions options;
    options.fleet = path;
    run("itx-7.3", options, 2);
}

}  // namespace
}  // namespace rosenblatt::cli
