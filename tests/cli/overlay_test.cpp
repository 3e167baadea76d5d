// SPDX-License-Identifier: MIT
// `rosenblatt overlay` on small device trees of our own, compiled with dtc.
#include "cli/overlay.hpp"

#include <gtest/gtest.h>
#include <libfdt.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "enabled_tree.hpp"

namespace rosenblatt::cli {
namespace {

namespace fs = std::filesystem;

/// A board in the form of Debian's: no __symbols__. `{...}` are the parts tests vary.
const char* const k_board = R"(/dts-v1/;
/ {
    compatible = "maker,board", "{soc}";
    #address-cells = <2>; #size-cells = <2>;
    power-management@fd8d8000 { power-controller { phandle = <0x22>; power-domain@8 { {domain} }; }; };
    npu@fdab0000 { compatible = "{npu}"; iommus = <0x67>; {core} };
    npu@fdac0000 { compatible = "{npu}"; iommus = <0x68>; {core} };
    npu@fdad0000 { compatible = "{npu}"; iommus = <0x69>; {core} };
    iommu@fdab9000 { phandle = <0x67>; status = "{status}"; };
    iommu@fdaca000 { phandle = <0x68>; status = "{status}"; };
    iommu@fdada000 { phandle = <0x69>; status = "{status}"; };
    i2c@fea90000 { status = "{bus}"; regulator@42 { regulator-name = "{name}"; {rail} }; };
};
)";

using Parts = std::map<std::string, std::string>;

Parts disabled_board() {
    return {{"soc", "rockchip,rk3588"},
            {"npu", "rockchip,rk3588-rknn-core"},
            {"status", "disabled"},
            {"core", "status = \"disabled\";"},
            {"domain", ""},
            {"bus", "okay"},
            {"name", "vdd_npu_s0"},
            {"rail", "regulator-boot-on;"}};
}

class Overlay : public testing::Test {
  protected:
    void SetUp() override {
        if (std::system("command -v dtc >/dev/null") != 0)
            GTEST_SKIP() << "no dtc here (package device-tree-compiler)";
        folder_ = fs::path(testing::TempDir()) / ("overlay-" + std::string(test_name()));
        fs::create_directories(folder_);
    }
    void TearDown() override {
        if (!folder_.empty()) fs::remove_all(folder_);
    }

    /// Compiles the board and runs the verb on it.
    int run(Parts parts, const std::string& regulator = "") {
        std::string text = k_board;
        for (const auto& [name, value] : parts) {
            const std::string key = "{" + name + "}";
            for (size_t at; (at = text.find(key)) != std::string::npos;)
                text.replace(at, key.size(), value);
        }
        std::ofstream(file("board.dts")) << text;
        const std::string command =
            "dtc -q -O dtb -o " + file("board.dtb") + " " + file("board.dts");
        EXPECT_EQ(std::system(command.c_str()), 0) << text;
        out_.str("");
        err_.str("");
        return run_overlay({file("board.dtb"), file("npu.dtbo"), regulator}, out_, err_);
    }

    /// The board after fdtoverlay has applied what the verb wrote.
    std::vector<char> applied() {
        const std::string command = "fdtoverlay -i " + file("board.dtb") + " -o " +
                                    file("new.dtb") + " " + file("npu.dtbo");
        EXPECT_EQ(std::system(command.c_str()), 0);
        return read_blob(file("new.dtb"));
    }
    std::vector<std::string> broken() {
        return broken_promises(read_blob(file("board.dtb")), applied(), true);
    }

    std::string file(const std::string& name) const { return (folder_ / name).string(); }
    static const char* test_name() {
        return testing::UnitTest::GetInstance()->current_test_info()->name();
    }

    fs::path folder_;
    std::ostringstream out_;
    std::ostringstream err_;
};

using Lines = std::vector<std::string>;

TEST_F(Overlay, SwitchesOnAndFeedsABoardWhoseRegulatorHasNoNumber) {
    ASSERT_EQ(run(disabled_board()), 0) << err_.str();
    EXPECT_EQ(broken(), Lines{});
    EXPECT_NE(out_.str().find("domain-supply = /i2c@fea90000/regulator@42"), std::string::npos);
}

TEST_F(Overlay, UsesTheRegulatorsNumberWhereItHasOne) {
    Parts board = disabled_board();
    board["rail"] = "phandle = <0x37>;";
    ASSERT_EQ(run(board), 0) << err_.str();
    EXPECT_EQ(broken(), Lines{});
    const auto tree = applied();
    const int core = fdt_path_offset(tree.data(), "/npu@fdad0000");
    const auto* cell =
        static_cast<const fdt32_t*>(fdt_getprop(tree.data(), core, "npu-supply", nullptr));
    ASSERT_NE(cell, nullptr);
    EXPECT_EQ(fdt32_ld(cell), 0x37u);
}

TEST_F(Overlay, LeavesABoardAloneThatHasEverything) {
    Parts board = disabled_board();
    board["rail"] = "phandle = <0x37>;";
    board["domain"] = "domain-supply = <0x37>;";
    board["core"] = "status = \"okay\"; npu-supply = <0x37>; sram-supply = <0x37>;";
    board["status"] = "okay";
    ASSERT_EQ(run(board), 0) << err_.str();
    EXPECT_NE(out_.str().find("nothing to change"), std::string::npos);
    EXPECT_EQ(broken(), Lines{});
}

TEST_F(Overlay, RepairsASupplyThatLeadsNowhere) {
    Parts board = disabled_board();
    board["rail"] = "phandle = <0x167>;";
    board["domain"] = "domain-supply = <0x37>;";
    board["core"] = "status = \"okay\"; npu-supply = <0x167>; sram-supply = <0x167>;";
    board["status"] = "okay";
    ASSERT_EQ(run(board), 0) << err_.str();
    EXPECT_EQ(broken(), Lines{});
    EXPECT_NE(out_.str().find("power-domain@8: domain-supply"), std::string::npos);
    EXPECT_EQ(out_.str().find("npu-supply"), std::string::npos);
}

TEST_F(Overlay, RefusesABoardWhoseRailCannotBeTold) {
    Parts board = disabled_board();
    board["name"] = "buck7";
    EXPECT_EQ(run(board), 1);
    EXPECT_NE(err_.str().find("--regulator PATH"), std::string::npos);
    EXPECT_FALSE(fs::exists(file("npu.dtbo")));
    EXPECT_EQ(run(board, "/i2c@fea90000/regulator@42"), 0) << err_.str();
    EXPECT_EQ(broken(), Lines{});
    EXPECT_EQ(run(board, "/i2c@fea90000/regulator@43"), 1);
}

TEST_F(Overlay, RefusesARailOnADisabledBus) {
    Parts board = disabled_board();
    board["bus"] = "disabled";
    EXPECT_EQ(run(board), 1);
    EXPECT_NE(err_.str().find("is disabled"), std::string::npos);
}

TEST_F(Overlay, RefusesTheVendorsDeviceTree) {
    Parts board = disabled_board();
    board["npu"] = "rockchip,rk3588-rknpu";
    EXPECT_EQ(run(board), 1);
    EXPECT_NE(err_.str().find("rknn-core"), std::string::npos);
}

TEST_F(Overlay, RefusesAnotherSoc) {
    Parts board = disabled_board();
    board["soc"] = "rockchip,rk3576";
    EXPECT_EQ(run(board), 1);
    EXPECT_NE(err_.str().find("rk3588"), std::string::npos);
}

TEST_F(Overlay, AStatusWithoutAnEndIsReadNoFurtherThanItIs) {
    Parts board = disabled_board();
    board["core"] = "status = [6f 6b 61 79];";  // "okay" without the zero; a property may follow
    ASSERT_EQ(run(board), 0) << err_.str();
    EXPECT_EQ(out_.str().find("npu@fdab0000: status"), std::string::npos);
    board["core"] = "status = [6f 6b 61];";
    ASSERT_EQ(run(board), 0) << err_.str();
    EXPECT_NE(out_.str().find("npu@fdab0000: status"), std::string::npos);
}

TEST_F(Overlay, RefusesAFileThatIsNoDeviceTree) {
    std::ofstream(file("board.dtb")) << "not a blob";
    EXPECT_EQ(run_overlay({file("board.dtb"), file("npu.dtbo"), ""}, out_, err_), 1);
    EXPECT_NE(err_.str().find("not a device tree blob"), std::string::npos);
}

TEST_F(Overlay, TheShippedStatusOnlyOverlayAppliesByPath) {
    ASSERT_EQ(run(disabled_board()), 0);
    const std::string source =
        ROSENBLATT_SOURCE_DIR "/kernel/dt-overlays/rk3588-rosenblatt-npu-enable.dtso";
    const std::string command = "dtc -q -I dts -O dtb -o " + file("npu.dtbo") + " " + source;
    ASSERT_EQ(std::system(command.c_str()), 0);
    EXPECT_EQ(broken_promises(read_blob(file("board.dtb")), applied(), false), Lines{});
}

}  // namespace
}  // namespace rosenblatt::cli
