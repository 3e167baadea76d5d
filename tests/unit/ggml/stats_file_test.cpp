// SPDX-License-Identifier: MIT
#include "ggml/stats_file.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace rosenblatt::ggml {
namespace {

TEST(StatsFile, HasTheAgreedKeysEvenWhenNothingRan) {
    const Counters counters;
    const auto json = nlohmann::json::parse(stats_json({}, nullptr, counters));
    for (const char* key : {"device",
                            "emulated",
                            "pipeline",
                            "mul_mat",
                            "macs",
                            "tasks",
                            "jobs",
                            "submits",
                            "splits",
                            "dma_bytes",
                            "weight_bytes_packed",
                            "checksum",
                            "host_ms",
                            "host_bytes",
                            "host_passes_per_layer",
                            "rss_bytes",
                            "pinned_bytes",
                            "cpu_shadow_bytes",
                            "npu_ms_modelled",
                            "clock_mhz",
                            "clock_source"})
        EXPECT_TRUE(json.contains(key)) << key;
    for (const char* key : {"npu", "cpu_refused"}) EXPECT_TRUE(json["mul_mat"].contains(key));
    for (const char* key : {"checked", "mismatch", "retried", "cpu_fallback"})
        EXPECT_TRUE(json["checksum"].contains(key)) << key;
    for (const char* key : {"pack", "wait", "unpack", "cpu_ops"})
        EXPECT_TRUE(json["host_ms"].contains(key)) << key;
    EXPECT_TRUE(json["mul_mat"]["cpu_refused"].empty());
    EXPECT_GT(json["rss_bytes"], 1 << 20);
}

TEST(StatsFile, NamesTheReasonsThatOccurred) {
    Counters counters;
    counters.count_refusal(Refusal::Cost);
    counters.count_refusal(Refusal::Cost);
    counters.count_refusal(Refusal::WeightF32);
    const auto json = nlohmann::json::parse(stats_json({}, nullptr, counters));
    EXPECT_EQ(json["mul_mat"]["cpu_refused"].dump(), R"({"cost":2,"weight_f32":1})");
}

}  // namespace
}  // namespace rosenblatt::ggml
