// SPDX-License-Identifier: MIT
#include "matmul/complaints.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rosenblatt::matmul {
namespace {

/// Complaints of one device with what was said so far.
struct Told {
    Complaints complaints;
    std::vector<std::string> lines;

    void end_product(bool all_lanes_lost = false) {
        complaints.tell(all_lanes_lost, [this](const std::string& line) { lines.push_back(line); });
    }
};

TEST(Complaints, WrongTilesAreToldOnceAndCounted) {
    Told told;
    told.complaints.tiles(2);
    told.complaints.tiles(3);
    told.end_product();
    told.complaints.tiles(1);
    told.end_product();
    ASSERT_EQ(told.lines.size(), 1u);
    EXPECT_EQ(told.lines[0].find("5 tiles"), 0u) << told.lines[0];
}

TEST(Complaints, ALostDeviceIsOneLineWhateverElseWasSeenOfIt) {
    Told told;
    told.complaints.tiles(7);  // the job that was running when it went away
    told.complaints.lasting("SUBMIT failed: no such device.");
    told.complaints.lasting("PREP_BO failed: no such device.");
    told.end_product(true);
    told.end_product(true);
    ASSERT_EQ(told.lines.size(), 1u);
    EXPECT_EQ(told.lines[0].find("SUBMIT failed: no such device. No lane"), 0u) << told.lines[0];
}

TEST(Complaints, ADeviceThatIsLostAfterOtherFaultsIsStillTold) {
    Told told;
    told.complaints.tiles(1);
    told.end_product();
    told.complaints.lasting("SUBMIT failed.");
    told.end_product(true);
    EXPECT_EQ(told.lines.size(), 2u);
}

TEST(Complaints, ALaneAndThenAllOfThemAreTwoLines) {
    Told told;
    for (const bool all : {false, false, true, true}) {
        told.complaints.lasting("PREP_BO failed.");
        told.end_product(all);
    }
    ASSERT_EQ(told.lines.size(), 2u);
    EXPECT_NE(told.lines[0].find("This lane"), std::string::npos) << told.lines[0];
    EXPECT_NE(told.lines[1].find("No lane"), std::string::npos) << told.lines[1];
}

TEST(Complaints, NothingIsSaidWhereNothingHappenedOrNobodyListens) {
    Told told;
    told.end_product();
    told.end_product(true);
    EXPECT_TRUE(told.lines.empty());
    told.complaints.passing("out of memory");
    told.complaints.tell(false, {});
    told.complaints.passing("out of memory");
    told.end_product();
    EXPECT_TRUE(told.lines.empty()) << "it was told once, to nobody";
}

}  // namespace
}  // namespace rosenblatt::matmul
