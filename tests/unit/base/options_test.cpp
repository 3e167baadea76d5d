// SPDX-License-Identifier: MIT
#include "base/options.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace rosenblatt {
namespace {

ParsedOptions parse(const std::map<std::string, std::string>& environment) {
    return read_options([&](const char* variable) -> const char* {
        const auto it = environment.find(variable);
        return it == environment.end() ? nullptr : it->second.c_str();
    });
}

TEST(Options, AnEmptyEnvironmentGivesTheDocumentedDefaults) {
    const auto [o, complaints] = parse({});
    EXPECT_TRUE(complaints.empty());
    EXPECT_EQ(o.device, "auto");
    EXPECT_EQ(o.pipeline, Pipeline::W8A8H);
    EXPECT_EQ(o.verify, Verify::Checksum);
    EXPECT_FALSE(o.min_m);
    EXPECT_FALSE(o.mem_max_bytes);
}

TEST(Options, EveryPipelineNameIsReadAndWrittenTheSame) {
    for (const char* text : {"w8a8h", "w8a8", "f16", "w4a8"}) {
        const auto parsed = parse({{"GGML_ROCKET_PIPELINE", text}});
        EXPECT_TRUE(parsed.complaints.empty());
        EXPECT_STREQ(name(parsed.options.pipeline), text);
    }
}

TEST(Options, PoliciesOfTheCacheGiveWayToAPipelineThatIsNamed) {
    EXPECT_FALSE(parse({}).options.pipeline_set);
    EXPECT_FALSE(parse({{"GGML_ROCKET_PIPELINE", ""}}).options.pipeline_set);
    EXPECT_TRUE(parse({{"GGML_ROCKET_PIPELINE", "w8a8h"}}).options.pipeline_set);
    EXPECT_EQ(parse({{"GGML_ROCKET_POLICY", "off"}}).options.policy, "off");
}

TEST(Options, TheCacheLiesWhereTheUserKeepsHisCaches) {
    EXPECT_EQ(parse({{"HOME", "/home/a"}}).options.cache_dir, "/home/a/.cache/rosenblatt");
    EXPECT_EQ(parse({{"HOME", "/home/a"}, {"XDG_CACHE_HOME", "/c"}}).options.cache_dir, "/c/rosenblatt");
    EXPECT_EQ(parse({{"HOME", "/home/a"}, {"GGML_ROCKET_CACHE", "/d"}}).options.cache_dir, "/d");
    EXPECT_EQ(parse({{"HOME", "/home/a"}, {"GGML_ROCKET_CACHE", "off"}}).options.cache_dir, "");
    EXPECT_EQ(parse({{"GGML_ROCKET_CACHE", "relative"}}).complaints.size(), 1u);
}

TEST(Options, ByteCountsTakeSuffixes) {
    EXPECT_EQ(parse({{"GGML_ROCKET_MEM_MAX", "3G"}}).options.mem_max_bytes, 3ull << 30);
    EXPECT_EQ(parse({{"GGML_ROCKET_MEM_MAX", "512"}}).options.mem_max_bytes, 512u);
    EXPECT_EQ(parse({{"GGML_ROCKET_MEM_MAX", "99999999999999G"}}).complaints.size(), 1u);
}

TEST(Options, ThePackedWeightsOfTheCacheAreBounded) {
    EXPECT_EQ(parse({{"GGML_ROCKET_CACHE_MAX", "2G"}}).options.packed_cache_max_bytes, 2ull << 30);
    EXPECT_EQ(parse({{"GGML_ROCKET_CACHE", "yes"}, {"GGML_ROCKET_CACHE_MAX", "little"}}).complaints.size(), 2u);
}

TEST(Options, AnUnusableValueKeepsTheDefaultAndSaysSoInOneSentence) {
    const std::map<std::string, std::string> bad = {
        {"GGML_ROCKET_DEVICE", "npu"},      {"GGML_ROCKET_PIPELINE", "w9a9"},
        {"GGML_ROCKET_LANES", "0"},         {"GGML_ROCKET_MIN_M", "-1"},
        {"GGML_ROCKET_CLOCK_MHZ", "nan"},   {"GGML_ROCKET_BOARD", "ddr2"},
        {"GGML_ROCKET_MEM_MAX", "much"},    {"GGML_ROCKET_VERIFY", "maybe"},
        {"GGML_ROCKET_LOG", "chatty"},
    };
    for (const auto& [variable, text] : bad) {
        const auto parsed = parse({{variable, text}});
        ASSERT_EQ(parsed.complaints.size(), 1u) << variable;
        EXPECT_NE(parsed.complaints[0].find(variable + "=" + text), std::string::npos);
        EXPECT_EQ(parsed.complaints[0].back(), '.');
    }
    EXPECT_EQ(parse(bad).complaints.size(), bad.size());
}

TEST(Options, AMistypedNameIsNamedAndOthersVariablesAreNot) {
    const auto nothing = [](const char*) -> const char* { return nullptr; };
    const auto parsed = read_options(nothing, {"GGML_ROCKET_PIPLINE=f16", "GGML_ROCKET_LANES=3", "GGML_VK_X=1",
                                               "ROCKET_DEBUG=1", "odd"});
    ASSERT_EQ(parsed.complaints.size(), 1u);
    EXPECT_EQ(parsed.complaints[0].find("GGML_ROCKET_PIPLINE is not"), 0u);
    EXPECT_NE(parsed.complaints[0].find("GGML_ROCKET_PIPELINE"), std::string::npos);
}

}  // namespace
}  // namespace rosenblatt
