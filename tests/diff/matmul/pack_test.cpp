// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <limits>

#include "engine.hpp"

namespace rosenblatt::matmul {
namespace {

Result<std::unique_ptr<Weights>> pack_zeros(Device& device, WeightShape shape, Pipeline pipeline,
                                            float value = 0) {
    const auto source = [shape, value](int64_t, float* row) { std::fill_n(row, shape.k, value); };
    return pack(device, shape, source, pipeline);
}

TEST(Pack, WeightsHoldTheirBytesUntilTheyAreFreed) {
    Engine engine;
    {
        auto weights = pack_zeros(*engine.device, {1000, 300}, Pipeline::W8A8H);
        ASSERT_TRUE(weights.ok()) << weights.error().message;
        EXPECT_EQ((*weights)->bo_bytes(), 1024u * 320u);
        EXPECT_EQ((*weights)->bo_bytes(), packed_bytes({1000, 300}, Pipeline::W8A8H));
        EXPECT_EQ(engine.device->bo_bytes(), 1024u * 320u);
        EXPECT_EQ(engine.device->stats().weight_bytes_packed, 1024u * 320u);
    }
    EXPECT_EQ(engine.device->bo_bytes(), 0u);
    EXPECT_EQ(engine.port->created, engine.port->closed);
}

TEST(Pack, BeyondTheMemoryLimitItSaysWhatDidNotFit) {
    DeviceOptions options;
    options.mem_max_bytes = 100000;
    Engine engine(options);
    auto small = pack_zeros(*engine.device, {256, 256}, Pipeline::W8A8H);
    EXPECT_TRUE(small.ok());
    const auto large = pack_zeros(*engine.device, {256, 256}, Pipeline::W8A8H);
    ASSERT_FALSE(large.ok());
    EXPECT_NE(large.error().message.find("GGML_ROCKET_MEM_MAX"), std::string::npos);
    EXPECT_EQ(engine.device->bo_bytes(), 65536u) << "nothing of the refused weights stays";
}

TEST(Pack, ValuesInt8CannotScaleKeepWeightsOnTheCpu) {
    Engine engine;
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1e30F}) {
        const auto weights = pack_zeros(*engine.device, {40, 40}, Pipeline::W8A8, bad);
        ASSERT_FALSE(weights.ok());
        EXPECT_NE(weights.error().message.find("stays on the CPU"), std::string::npos);
    }
    EXPECT_EQ(engine.device->bo_bytes(), 0u);
}

TEST(Pack, ShapesWithoutARecipeAreRefused) {
    Engine engine;
    EXPECT_FALSE(pack_zeros(*engine.device, {0, 32}, Pipeline::W8A8).ok());
    EXPECT_FALSE(pack_zeros(*engine.device, {32, -1}, Pipeline::W8A8).ok());
    const auto huge = pack_zeros(*engine.device, {int64_t{1} << 40, 32}, Pipeline::W8A8);
    ASSERT_FALSE(huge.ok());
    EXPECT_NE(huge.error().message.find("1 to 2^24"), std::string::npos) << huge.error().message;
}

TEST(Pack, APassingShortageOfAddressesIsOvercome) {
    Engine engine({}, "enospc:bo=2");
    const Problem problem(8, 128, 200, 1);
    EXPECT_EQ(differing(run(engine, problem, Pipeline::W8A8H), problem.truth(Pipeline::W8A8H)), 0u);
}

}  // namespace
}  // namespace rosenblatt::matmul
