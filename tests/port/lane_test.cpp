// SPDX-License-Identifier: MIT
// The driver's lanes on every port: the same calls as above through rocket::Lane.
#include "rocket/lane.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include "port_fixture.hpp"
#include "rocket/device.hpp"

namespace rosenblatt::port_test {
namespace {

ROSENBLATT_PORT_SUITE(Lane);

using rocket::after;
using std::chrono::milliseconds;

rocket::Lane open_lane(KernelPort& port) {
    auto lane = rocket::Lane::open(port, k_path);
    EXPECT_TRUE(lane) << lane.error().message;
    return std::move(lane).value();
}

rocket::Bo make_bo(rocket::Lane& lane, size_t size) {
    auto bo = lane.create_bo(size);
    EXPECT_TRUE(bo) << bo.error().message;
    return std::move(bo).value();
}

// One matmul on a lane.
struct LaneMatmul {
    explicit LaneMatmul(rocket::Lane& on, uint32_t seed)
        : lane(on),
          command(make_bo(on, 4096)),
          features(make_bo(on, k_input_bytes)),
          weights(make_bo(on, k_input_bytes)),
          output(make_bo(on, k_output_bytes)) {
        const auto a = make_features(seed);
        const auto b = make_weights(seed);
        expected = expected_output(a, b);
        const auto words = matmul_stream(features.iova(), weights.iova(), output.iova());
        std::memcpy(command.data(), words.data(), words.size() * sizeof words[0]);
        std::memcpy(features.data(), a.data(), a.size());
        std::memcpy(weights.data(), b.data(), b.size());
        for (const auto* bo : {&command, &features, &weights, &output})
            EXPECT_TRUE(lane.finish_cpu(*bo));
        job.add(command.iova(), static_cast<uint32_t>(words.size()));
        job.reads(command);
        job.reads(features);
        job.reads(weights);
        job.writes(output);
    }

    bool right() const { return std::memcmp(output.data(), expected.data(), sizeof expected) == 0; }

    rocket::Lane& lane;
    rocket::Bo command, features, weights, output;
    std::array<int32_t, k_side * k_side> expected;
    rocket::Job job;
};

TEST_P(Lane, FindsTheDeviceItself) {
    auto found = rocket::find_device(port());
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(*found, k_path);
}

TEST_P(Lane, RunsAMatmul) {
    auto lane = open_lane(port());
    LaneMatmul matmul(lane, 1);
    EXPECT_TRUE(lane.submit(matmul.job));
    EXPECT_TRUE(lane.wait(matmul.job, after(milliseconds(60'000))));
    EXPECT_TRUE(matmul.right());
}

TEST_P(Lane, ThreeLanesWorkFromThreeThreads) {
    std::vector<std::thread> threads;
    for (uint32_t seed = 1; seed <= 3; ++seed) {
        threads.emplace_back([this, seed] {
            auto lane = open_lane(port());
            LaneMatmul matmul(lane, seed);
            for (int round = 0; round < 20; ++round) {
                std::memset(matmul.output.data(), 0, k_output_bytes);
                EXPECT_TRUE(lane.finish_cpu(matmul.output));
                EXPECT_TRUE(lane.submit(matmul.job));
                EXPECT_TRUE(lane.wait(matmul.job, rocket::k_forever));
                EXPECT_TRUE(matmul.right());
            }
        });
    }
    for (auto& thread : threads) thread.join();
}

TEST_P(Lane, RefusesWhatTheKernelWouldDrop) {
    auto lane = open_lane(port());
    LaneMatmul matmul(lane, 1);
    rocket::Job twice = matmul.job;
    twice.reads(matmul.output);
    rocket::Job no_task = matmul.job;
    no_task.tasks.clear();
    rocket::Job no_words = matmul.job;
    no_words.tasks[0].words = 0;
    rocket::Job crooked = matmul.job;
    crooked.tasks[0].regcmd += 8;
    for (const rocket::Job& job : {twice, no_task, no_words, crooked}) {
        const auto submitted = lane.submit(job);
        ASSERT_FALSE(submitted);
        EXPECT_EQ(submitted.error().code, EINVAL);
        EXPECT_NE(submitted.error().message.find("not submitted"), std::string::npos);
    }
}

TEST_P(Lane, SaysBusyAndTimedOutWithTheirErrno) {
    auto lane = open_lane(port());
    LaneMatmul matmul(lane, 1);
    matmul.job.tasks[0].regcmd = k_hanging_task.regcmd;
    EXPECT_TRUE(lane.submit(matmul.job));
    const auto polled = lane.prepare_cpu(matmul.output, rocket::k_poll);
    ASSERT_FALSE(polled);
    EXPECT_EQ(polled.error().code, EBUSY);
    const auto waited = lane.prepare_cpu(matmul.output, after(milliseconds(20)));
    ASSERT_FALSE(waited);
    EXPECT_EQ(waited.error().code, ETIMEDOUT);
    EXPECT_TRUE(lane.wait(matmul.job, rocket::k_forever));
}

TEST_P(Lane, NeverAsksTheKernelForSizesThatPoisonTheFile) {
    auto lane = open_lane(port());
    for (const size_t size : {size_t{0}, size_t{0x7ffff001}, size_t{1} << 31, size_t{1} << 33}) {
        const auto bo = lane.create_bo(size);
        ASSERT_FALSE(bo);
        EXPECT_EQ(bo.error().code, EINVAL);
    }
    EXPECT_TRUE(lane.create_bo(4096));
}

TEST_P(Lane, ABufferMayOutliveItsLane) {
    rocket::Bo bo;
    {
        auto lane = open_lane(port());
        bo = make_bo(lane, 4096);
    }
    std::memset(bo.data(), 1, bo.size());
    EXPECT_TRUE(bo);
}

TEST_P(Lane, MovedBuffersAreClosedOnce) {
    auto lane = open_lane(port());
    rocket::Bo bo = make_bo(lane, 4096);
    const uint32_t handle = bo.handle();
    rocket::Bo moved = std::move(bo);
    EXPECT_EQ(moved.handle(), handle);
    moved = make_bo(lane, 4096);  // closes the first
    EXPECT_EQ(make_bo(lane, 4096).handle(), handle);
}

}  // namespace
}  // namespace rosenblatt::port_test
