// SPDX-License-Identifier: MIT
// Each host below tests/data/hosts (made by make_hosts.py there) gives exactly these findings.
#include "cli/audit.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "cli/audit_rules.hpp"
#include "cli/host/llama.hpp"

namespace rosenblatt::cli {
namespace {

using Ids = std::set<std::string>;

const std::string k_hosts = ROSENBLATT_SOURCE_DIR "/tests/data/hosts/";

struct Audit {
    int exit_code = -1;
    nlohmann::json report;
    Ids ids;
    std::string complaints;

    const nlohmann::json& finding(const std::string& id) const {
        for (const auto& finding : report["findings"]) {
            if (finding["id"] == id) return finding;
        }
        static const nlohmann::json none = {{"severity", "absent"}, {"evidence", ""}, {"fix", ""}};
        return none;
    }
};

Audit audit(const std::string& host, const std::string& fleet = "") {
    AuditOptions options;
    options.root = k_hosts + host;
    options.json = true;
    options.fleet = fleet;
    std::ostringstream out;
    std::ostringstream err;
    Audit result;
    result.exit_code = run_audit(options, out, err);
    result.complaints = err.str();
    result.report = nlohmann::json::parse(out.str());
    for (const auto& finding : result.report["findings"]) result.ids.insert(finding["id"]);
    return result;
}

/// What every working board on today's kernels is told.
const Ids k_ordinary = {"npu-clock-low", "clock-ids-bug", "iommu-high-memory"};

Ids ordinary_and(Ids more) {
    more.insert(k_ordinary.begin(), k_ordinary.end());
    return more;
}

// ---- kernels

TEST(Audit, ARock5ItxOnLinux73WithItsModuleIsReady) {
    const Audit result = audit("itx-7.3");
    EXPECT_EQ(result.ids, k_ordinary);
    EXPECT_EQ(result.report["verdict"], "ready");
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.complaints, "");
    EXPECT_EQ(result.report["host"]["npu_nodes"]["npu@fdad0000"], "okay");
}

TEST(Audit, ARock5ItxOnDebians618HasItsNodesOffAndNoDriver) {
    const Audit result = audit("itx-6.18-disabled");
    EXPECT_EQ(result.ids,
              ordinary_and({"npu-node-disabled", "mmu-node-disabled", "rocket-not-loaded",
                            "kernel-submit-bugs", "prep-bo-sign"}));
    EXPECT_EQ(result.report["verdict"], "action-needed");
    EXPECT_EQ(result.exit_code, 1);
}

TEST(Audit, Linux618IsReadyButWarnsOfItsTwoBugs) {
    const Audit result = audit("orangepi-6.18");
    EXPECT_EQ(result.ids, ordinary_and({"kernel-submit-bugs", "prep-bo-sign"}));
    EXPECT_EQ(result.report["verdict"], "ready");
}

TEST(Audit, AReleaseCandidateOf618HasTheDriverAlready) {
    EXPECT_EQ(audit("armbian-6.18-rc6").ids, ordinary_and({"kernel-submit-bugs", "prep-bo-sign"}));
}

TEST(Audit, BoltzmannsConfigIsReadFromTheCompressedOne) {
    const Audit result = audit("boltzmann-7.0-rc3");
    EXPECT_EQ(result.ids,
              ordinary_and({"npu-node-disabled", "mmu-node-disabled", "rocket-not-loaded",
                            "kernel-submit-bugs", "prep-bo-sign"}));
    EXPECT_EQ(result.report["host"]["kernel"]["CONFIG_DRM_ACCEL_ROCKET"], "m");
}

TEST(Audit, Linux71HasThePrepBoFixButNotTheSubmitFixes) {
    const Audit result = audit("nova-7.1");
    EXPECT_EQ(result.ids, ordinary_and({"kernel-submit-bugs"}));
    EXPECT_EQ(result.report["verdict"], "ready");
}

TEST(Audit, Linux72HasBothFixes) {
    EXPECT_EQ(audit("itx-7.2").ids, k_ordinary);
}

TEST(Audit, AKernelBefore618LacksDriverAndNodes) {
    EXPECT_EQ(audit("mainline-6.12").ids,
              (Ids{"kernel-too-old", "rocket-not-built", "npu-node-missing", "kernel-submit-bugs",
                   "prep-bo-sign", "iommu-high-memory"}));
}

TEST(Audit, DebiansLinux72LacksTheWholeFramework) {
    const Audit result = audit("debian-7.2-no-framework");
    EXPECT_EQ(result.ids, ordinary_and({"accel-framework-missing"}));
    EXPECT_EQ(result.finding("accel-framework-missing")["evidence"],
              "usr/lib/modules/7.2.12+deb13-arm64/config:3: # CONFIG_DRM_ACCEL is not set");
}

TEST(Audit, DebiansLinux73HasTheFrameworkButNotTheDriver) {
    const Audit result = audit("debian-7.3-stock");
    EXPECT_EQ(result.ids, ordinary_and({"rocket-not-built"}));
    EXPECT_EQ(result.finding("rocket-not-built")["fix"],
              "scripts/build-rocket.sh --kernel 7.3.4+deb13-arm64");
}

TEST(Audit, AModuleBuiltOutOfTreeCountsAsBuilt) {
    EXPECT_EQ(audit("debian-7.3-own-module").ids, k_ordinary);
}

TEST(Audit, ADriverInTheKernelNeedsNoModule) {
    EXPECT_EQ(audit("itx-7.3-builtin").ids, k_ordinary);
}

TEST(Audit, AnInstalledModuleThatNobodyLoadedHidesWhatFollowsFromIt) {
    const Audit result = audit("itx-7.3-not-loaded");
    EXPECT_EQ(result.ids, ordinary_and({"rocket-not-loaded"}));
    EXPECT_NE(
        result.finding("rocket-not-loaded")["evidence"].get<std::string>().find("modules.dep:2"),
        std::string::npos);
}

TEST(Audit, TheFirstLineOfAListCountsAsMuchAsTheOthers) {
    EXPECT_EQ(audit("rocket-is-listed-first").ids, k_ordinary);
    EXPECT_EQ(audit("uevent-names-another-driver-first").ids, ordinary_and({"accel-node-foreign"}));
}

TEST(Audit, AModuleThatIsConfiguredButNotInstalledIsToldApartFromOneNotLoaded) {
    const Audit result = audit("modules-extra-missing");
    EXPECT_EQ(result.ids, ordinary_and({"rocket-not-loaded"}));
    EXPECT_NE(result.finding("rocket-not-loaded")["fix"].get<std::string>().find("modules-extra"),
              std::string::npos);
}

TEST(Audit, AListOfModulesFromThePackageAloneShowsThatTheDriverIsMissing) {
    EXPECT_EQ(audit("debian-7.3-order-only").ids, ordinary_and({"rocket-not-built"}));
}

TEST(Audit, ACompressedModuleThatDkmsPutThereIsBuilt) {
    EXPECT_EQ(audit("dkms-module-before-depmod").ids, ordinary_and({"rocket-not-loaded"}));
}

TEST(Audit, WithoutAListOfLoadedModulesSysfsTells) {
    EXPECT_EQ(audit("loaded-as-sysfs-says").ids, k_ordinary);
    EXPECT_EQ(audit("not-loaded-as-sysfs-says").ids, ordinary_and({"rocket-not-loaded"}));
}

// ---- device tree

TEST(Audit, ARock5AHasItsNodesOffOnLinux73) {
    EXPECT_EQ(audit("rock-5a-7.3-disabled").ids,
              ordinary_and({"npu-node-disabled", "mmu-node-disabled", "rocket-not-loaded"}));
}

TEST(Audit, TheAxonsRailMayBeSwitchedOffUnderTheNpu) {
    const Audit result = audit("axon-7.3-rail-may-go-off");
    EXPECT_EQ(result.ids, ordinary_and({"npu-node-disabled", "mmu-node-disabled",
                                        "rocket-not-loaded", "npu-supply-unpowered"}));
    EXPECT_EQ(result.finding("npu-supply-unpowered")["severity"], "error");
}

TEST(Audit, ADomainSupplyThatLeadsNowhereFeedsNothing) {
    EXPECT_EQ(audit("overlay-left-dangling-supply").ids, ordinary_and({"npu-supply-unpowered"}));
}

TEST(Audit, ARailThatIsNotAlwaysOnAndHasNoPowerDomainIsUnpowered) {
    EXPECT_EQ(audit("rail-without-power-domain").ids, ordinary_and({"npu-supply-unpowered"}));
}

TEST(Audit, OneDisabledCoreHidesThatItIsNotBound) {
    const Audit result = audit("one-core-disabled");
    EXPECT_EQ(result.ids, ordinary_and({"npu-node-disabled"}));
    EXPECT_EQ(result.finding("npu-node-disabled")["evidence"],
              "proc/device-tree/npu@fdad0000/status: disabled");
}

TEST(Audit, ADisabledMmuHidesThatItsCoreIsNotBound) {
    EXPECT_EQ(audit("mmu-disabled").ids, ordinary_and({"mmu-node-disabled"}));
}

TEST(Audit, AMissingStatusAndTheWordOkAreBothOn) {
    EXPECT_EQ(audit("status-ok-and-missing").ids, k_ordinary);
}

TEST(Audit, AnOldDeviceTreeHasNoNpuNodes) {
    EXPECT_EQ(audit("old-dtb").ids,
              (Ids{"npu-node-missing", "rocket-not-loaded", "clock-ids-bug", "iommu-high-memory"}));
}

TEST(Audit, AbsoluteLinksOfACapturedHostStayBelowTheRoot) {
    EXPECT_EQ(audit("captured-with-absolute-links").ids, k_ordinary);
}

// ---- other machines

TEST(Audit, AVendorKernelIsNamedWithDriverAndDeviceTree) {
    const Audit result = audit("vendor-6.1");
    EXPECT_EQ(result.ids, (Ids{"kernel-too-old", "vendor-dt", "vendor-driver-loaded",
                               "accel-framework-missing", "npu-node-missing", "kernel-submit-bugs",
                               "prep-bo-sign", "iommu-high-memory", "memory-governor"}));
    EXPECT_EQ(result.report["verdict"], "action-needed");
}

TEST(Audit, AVendorsDeviceTreeUnderAMainlineKernelIsNamedWhateverItsNodeIsCalled) {
    EXPECT_EQ(audit("vendor-dt-on-mainline").ids,
              (Ids{"vendor-dt", "npu-node-missing", "rocket-not-loaded", "clock-ids-bug",
                   "iommu-high-memory"}));
}

TEST(Audit, TheVendorsModuleBesideRocketIsAnError) {
    const Audit result = audit("dkms-vendor-module");
    EXPECT_EQ(result.ids, ordinary_and({"vendor-driver-loaded"}));
    EXPECT_EQ(result.finding("vendor-driver-loaded")["evidence"],
              "proc/modules:3: rknpu 98304 0 - Live 0x0");
}

TEST(Audit, AnRk3576IsUnsupportedAndToldNothingElse) {
    const Audit result = audit("rk3576");
    EXPECT_EQ(result.ids, Ids{"not-rk3588"});
    EXPECT_EQ(result.report["verdict"], "unsupported");
    EXPECT_EQ(result.exit_code, 1);
}

TEST(Audit, AnRk3568WithHighMemoryHasTheProvenHazard) {
    const Audit result = audit("rk3568-8g");
    EXPECT_EQ(result.ids, (Ids{"not-rk3588", "iommu-high-memory"}));
    EXPECT_EQ(result.finding("iommu-high-memory")["severity"], "error");
    EXPECT_EQ(result.report["verdict"], "unsupported");
}

TEST(Audit, AnX86MachineIsUnsupportedAlthoughItHasAnAccelNode) {
    const Audit result = audit("x86");
    EXPECT_EQ(result.ids, Ids{"not-rk3588"});
    EXPECT_EQ(result.report["verdict"], "unsupported");
}

// ---- devices and log

TEST(Audit, ACoreThatWaitsForItsSupplierIsNotBound) {
    const Audit result = audit("core-2-not-bound");
    EXPECT_EQ(result.ids, ordinary_and({"node-not-bound"}));
    EXPECT_NE(result.finding("node-not-bound")["evidence"].get<std::string>().find(
                  "waiting_for_supplier"),
              std::string::npos);
}

TEST(Audit, BoundCoresWithoutADeviceNodeAreAnError) {
    EXPECT_EQ(audit("no-device-node").ids, ordinary_and({"accel-node-missing"}));
}

TEST(Audit, AForeignAccel0IsAWarningWhenRocketHasAccel1) {
    const Audit result = audit("accel0-is-ethos-u");
    EXPECT_EQ(result.ids, ordinary_and({"accel-node-foreign"}));
    EXPECT_EQ(result.report["verdict"], "ready");
}

TEST(Audit, AFileThatStandsForANodeMayNameItsDriver) {
    EXPECT_EQ(audit("nodes-name-their-drivers").ids, ordinary_and({"accel-node-foreign"}));
}

TEST(Audit, ABusThatShowsNeitherDriverNorDevicesIsSilentBesideARocketNode) {
    EXPECT_EQ(audit("bus-without-our-devices").ids, k_ordinary);
}

TEST(Audit, APageFaultOfAnNpuMmuIsAnErrorAndItsTimeoutAWarning) {
    const Audit result = audit("iommu-fault");
    EXPECT_EQ(result.ids, ordinary_and({"iommu-fault-seen", "job-timeout-seen"}));
    EXPECT_EQ(result.finding("iommu-fault-seen")["severity"], "error");
    EXPECT_EQ(result.finding("job-timeout-seen")["severity"], "warning");
}

TEST(Audit, APageFaultOfTheDisplayIsNotOurs) {
    EXPECT_EQ(audit("iommu-fault-of-the-display").ids, k_ordinary);
}

TEST(Audit, AFaultBeforeTheLastKernelBannerIsHistory) {
    EXPECT_EQ(audit("fault-of-an-earlier-boot").ids, k_ordinary);
}

TEST(Audit, ATimeoutIsFoundInKmsgRecords) {
    EXPECT_EQ(audit("kmsg-timeout").ids, ordinary_and({"job-timeout-seen"}));
}

// ---- speed

TEST(Audit, GovernorsIdleStatesAndLimitsAreWarnings) {
    const Audit result = audit("untuned");
    EXPECT_EQ(result.ids,
              ordinary_and({"cpu-governor", "memory-governor", "deep-idle-latency", "fd-limit"}));
    EXPECT_EQ(result.report["verdict"], "ready");
}

TEST(Audit, ALatencyThatSomebodyHoldsKeepsDeepIdleStatesAway) {
    EXPECT_EQ(audit("latency-held").ids, k_ordinary);
}

TEST(Audit, ARaisedClockIsNotLow) {
    EXPECT_EQ(audit("clock-raised").ids, (Ids{"clock-ids-bug", "iommu-high-memory"}));
}

TEST(Audit, AFourGibibyteBoardHasNoHighMemory) {
    EXPECT_EQ(audit("4-gib-board").ids, (Ids{"clock-ids-bug", "npu-clock-low"}));
}

TEST(Audit, WhatCannotBeReadIsSilent) {
    const Audit result = audit("only-device-tree-and-node");
    EXPECT_EQ(result.ids, Ids{"npu-clock-low"});
    EXPECT_EQ(result.report["verdict"], "ready");
}

TEST(Audit, AConfigurationThatSwellsWithoutEndIsNone) {
    namespace fs = std::filesystem;
    const fs::path root = fs::path(testing::TempDir()) / "rosenblatt-audit-bomb";
    fs::remove_all(root);
    fs::copy(k_hosts + "itx-7.3", root,
             fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    for (const char* place : {"boot", "lib/modules", "usr/lib/modules"})
        fs::remove_all(root / place);
    fs::create_directories(root / "proc");
    const std::string config = (root / "proc/config.gz").string();
    fs::remove(config);
    const std::string command = "head -c 20M /dev/zero | gzip -1 > " + config;
    ASSERT_EQ(std::system(command.c_str()), 0);
    AuditOptions options;
    options.root = root.string();
    options.json = true;
    std::ostringstream out, err;
    (void)run_audit(options, out, err);
    EXPECT_EQ(out.str().find("config.gz"), std::string::npos) << out.str();
    fs::remove_all(root);
}

// ---- form

TEST(Audit, FindingsAreSortedWorstFirstAndSayWhatToDo) {
    const Audit result = audit("itx-6.18-disabled");
    const std::map<std::string, int> rank = {{"error", 0}, {"warning", 1}, {"info", 2}};
    int last = 0;
    for (const auto& finding : result.report["findings"]) {
        EXPECT_GE(rank.at(finding["severity"]), last) << finding["id"];
        last = rank.at(finding["severity"]);
        EXPECT_FALSE(finding["evidence"].get<std::string>().empty()) << finding["id"];
        EXPECT_FALSE(finding["fix"].get<std::string>().empty()) << finding["id"];
    }
}

TEST(Audit, TheTableHasColoursOnlyForTerminals) {
    for (const bool colour : {false, true}) {
        AuditOptions options;
        options.root = k_hosts + "debian-7.3-stock";
        options.colour = colour;
        std::ostringstream out;
        std::ostringstream err;
        EXPECT_EQ(run_audit(options, out, err), 1);
        EXPECT_EQ(out.str().find('\033') != std::string::npos, colour);
        EXPECT_NE(out.str().find("action-needed"), std::string::npos);
        EXPECT_LT(out.str().find("rocket-not-built"), out.str().find("npu-clock-low"));
    }
}

TEST(Audit, ARootThatIsNoDirectoryIsWrongUsage) {
    AuditOptions options;
    options.root = k_hosts + "no-such-host";
    std::ostringstream out;
    std::ostringstream err;
    EXPECT_EQ(run_audit(options, out, err), 2);
    EXPECT_EQ(out.str(), "");
}

TEST(Audit, LiveFindingsNeedAnAnswerOfTheRunningHost) {
    host::HostFacts facts;
    facts.dt.soc = host::Soc::Rk3588;
    facts.dt.compatible = {"rockchip,rk3588"};
    for (auto& core : facts.dt.cores) core.exists = true;
    facts.devices.accel_nodes.push_back(
        {"dev/accel/accel0", host::Owner::Rocket, {}, "Permission denied"});
    facts.live = host::LiveFacts{"libggml-base.so: cannot open", "version 1 is too old"};
    Ids ids;
    for (const Finding& finding : judge(facts)) ids.insert(finding.id);
    EXPECT_EQ(ids,
              (Ids{"accel-node-permission", "backend-not-loadable", "llama-version-unsupported"}));
}

/// A llama.cpp that says these words.
std::string program_that_says(const std::string& name, const std::string& words) {
    const auto path = std::filesystem::path(testing::TempDir()) / name;
    std::ofstream(path) << "#!/bin/sh\n[ -n \"$GGML_BACKEND_PATH\" ] && echo '" << words << "'\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
}

TEST(Audit, ALlamaThatListsTheDeviceIsSupportedAndOneThatIsNotThereIsNotAsked) {
    const std::string good = program_that_says("llama-good", "  ROCKET0: RK3588 NPU");
    EXPECT_EQ(host::llama_complaint("/x/libggml-rocket.so", {"/nonexistent/llama", good}),
              std::nullopt);
    EXPECT_EQ(host::llama_complaint("/x/libggml-rocket.so", {"/nonexistent/llama"}), std::nullopt);
}

TEST(Audit, ALlamaThatRefusesTheBackendIsQuoted) {
    const std::string words = "ggml_backend_load: rocket has API version 2, 9 is needed";
    const auto complaint =
        host::llama_complaint("/x/b.so", {program_that_says("llama-bad", words)});
    ASSERT_TRUE(complaint);
    EXPECT_NE(complaint->find(words), std::string::npos) << *complaint;
}

TEST(Audit, AFileThatIsNoBackendCannotBeLoaded) {
    ASSERT_TRUE(host::backend_complaint("/nonexistent/libggml-rocket.so"));
    EXPECT_NE(host::backend_complaint("libm.so.6")->find("no ggml_backend_init"),
              std::string::npos);
}

}  // namespace
}  // namespace rosenblatt::cli
