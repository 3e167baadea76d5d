// SPDX-License-Identifier: MIT
// Switches by name.
#include "emulator/switches.hpp"

#include <gtest/gtest.h>

namespace rosenblatt::emulator {
namespace {

TEST(Switches, EveryOneCanBeSetToEachOfItsValuesByName) {
    for (const SwitchInfo& info : switch_table()) {
        if (info.name == "work-limit") continue;
        std::string_view values = info.values;
        while (!values.empty()) {
            const size_t bar = values.find('|');
            const std::string value(values.substr(0, bar));
            Switches switches;
            ASSERT_TRUE(set_switch(switches, std::string(info.name) + "=" + value));
            EXPECT_EQ(switch_value(switches, info.name), value);
            values = bar == std::string_view::npos ? "" : values.substr(bar + 1);
        }
    }
}

TEST(Switches, AnUnknownNameOrValueSaysWhatThereIs) {
    Switches switches;
    EXPECT_NE(set_switch(switches, "stict=on").error().message.find("strict"), std::string::npos);
    EXPECT_NE(set_switch(switches, "fast=maybe").error().message.find("on|off"), std::string::npos);
    EXPECT_FALSE(set_switch(switches, "work-limit=many").ok());
    EXPECT_TRUE(set_switch(switches, "work-limit=5").ok());
    EXPECT_EQ(switches.work_limit, 5U);
}

}  // namespace
}  // namespace rosenblatt::emulator
