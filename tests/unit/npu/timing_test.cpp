// SPDX-License-Identifier: MIT
// The timing model against published measurements, and that it moves the way hardware does.
#include "npu/timing.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "timing_rows.hpp"

namespace rosenblatt::npu {
namespace {

TaskWork example() {
    return {.rows = 128,
            .tiles = 48,
            .groups = 64,
            .weight_bytes = 64 * 48 * 1024,
            .weight_capacity = 4 * 32768,
            .feature_bytes = 128 * 1536,
            .output_bytes = 128 * 2048 * 4};
}

TEST(Timing, MeetsWhatWasMeasuredOnTheNpuWithinEightPercent) {
    for (const MeasuredRow& row : measured_rows()) {
        if (row.kind == Kind::Call) continue;
        EXPECT_NEAR(row.model_ms / row.measured_ms, 1, 0.08) << row.what;
    }
}

TEST(Timing, StaysBelowEveryWholeCall) {
    for (const MeasuredRow& row : measured_rows()) {
        if (row.kind != Kind::Call) continue;
        EXPECT_LT(row.model_ms, row.measured_ms) << row.what;
    }
}

TEST(Timing, TheTableInTheManualIsTheOneTheModelGives) {
    std::ifstream file(ROSENBLATT_SOURCE_DIR "/docs/timing.md");
    std::stringstream text;
    text << file.rdbuf();
    const std::string table = markdown(measured_rows());
    EXPECT_NE(text.str().find(table), std::string::npos) << "docs/timing.md must contain:\n"
                                                         << table;
}

TEST(Timing, ReusedOperandsSaveTheirTimeAndNothingElse) {
    const TaskWork whole = example();
    TaskWork resident = whole;
    resident.feature_bytes = 0;
    EXPECT_NEAR(task_ns(whole, {}) - task_ns(resident, {}), 128 * 1536 / read_bandwidth({}), 1e-6);
    resident.weight_bytes = 0;
    EXPECT_LT(task_ns(resident, {}), task_ns(whole, {}));
}

TEST(Timing, ARingOfLessThanTwoKernelGroupsMakesTheArrayWait) {
    TaskWork work = example();
    const double roomy = task_ns(work, {});
    work.weight_capacity = 2 * 48 * 1024;
    EXPECT_EQ(task_ns(work, {}), roomy);
    work.weight_capacity = 48 * 1024;
    EXPECT_NEAR(task_ns(work, {}) - roomy, 63 * 48 * 1024 / read_bandwidth({}), 1);
}

TEST(Timing, NothingGetsFasterWithMoreRowsMoreLanesASlowerClockOrSlowerMemory) {
    TaskWork more = example();
    more.rows += 1;
    EXPECT_GT(task_ns(more, {}), task_ns(example(), {}));
    const Machine base{.clock_mhz = 600, .board = Board::Lpddr5, .lanes = 3};
    const double ns = task_ns(example(), base);
    EXPECT_GT(task_ns(example(), {.clock_mhz = 200, .board = Board::Lpddr5, .lanes = 3}), ns);
    EXPECT_GE(task_ns(example(), {.clock_mhz = 600, .board = Board::Lpddr4x, .lanes = 3}), ns);
    EXPECT_LE(task_ns(example(), {.clock_mhz = 600, .board = Board::Lpddr5, .lanes = 1}), ns);
}

TEST(Timing, ATaskWithNothingToDoIsAKick) {
    const TaskTime time = task_time({}, {});
    EXPECT_TRUE(std::isfinite(time.total()));
    EXPECT_LT(time.on_npu(), 1000);
}

TEST(Timing, TheKernelTouchesTenBytesOfABoPerNanosecond) {
    EXPECT_EQ(cache_maintenance_ns(1'000'000), 100'000);
}

}  // namespace
}  // namespace rosenblatt::npu
