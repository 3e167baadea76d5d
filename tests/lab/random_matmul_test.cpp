// SPDX-License-Identifier: MIT
// For the guest of scripts/lab.sh: random products on the real driver for a while, each compared bit by
// bit with plain loops on the CPU. Prints one line of JSON. LAB_SECONDS and LAB_SEED say how long and
// which.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "../diff/matmul/engine.hpp"
#include "rocket/system_port.hpp"

namespace rosenblatt::matmul {
namespace {

long setting(const char* name, long otherwise) {
    const char* text = std::getenv(name);
    return text ? std::strtol(text, nullptr, 10) : otherwise;
}

struct Count {
    unsigned products = 0, wrong = 0, refused = 0;
};

Problem random_problem(std::mt19937_64& random) {
    const auto size = [&](uint64_t most) { return static_cast<int64_t>(1 + random() % most); };
    const int64_t m = size(24), k = 32 * size(12), n = size(200);
    return Problem(m, k, n, random());
}

void run_once(Device& device, const Problem& problem, Count& count) {
    auto weights = pack(device, {problem.n, problem.k}, problem.source(), Pipeline::W8A8H);
    if (!weights) {  // no room for the weights: the caller computes on the CPU, nothing is wrong
        ++count.refused;
        return;
    }
    std::vector<float> y(static_cast<size_t>(problem.m * problem.n), -1.0F);
    const auto outcome = multiply(device, **weights, problem.x.data(), problem.k, problem.m,
                                  y.data(), problem.n);
    ASSERT_TRUE(outcome.ok()) << outcome.error().message;
    ++count.products;
    count.wrong += differing(y, problem.truth(Pipeline::W8A8H)) != 0;
}

TEST(RandomMatmul, HasTheBitsOfThePlainLoops) {
    const long seed = setting("LAB_SEED", 1);
    const auto end = std::chrono::steady_clock::now() +
                     std::chrono::seconds(setting("LAB_SECONDS", 5));
    std::mt19937_64 random(static_cast<uint64_t>(seed));
    rocket::SystemPort port;
    DeviceOptions options;
    options.clock_mhz = 600;  // the lab's device
    auto opened = Device::open(port, "/dev/accel/accel0", options);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    Device& device = **opened;
    Count count;
    while (std::chrono::steady_clock::now() < end && !HasFatalFailure())
        run_once(device, random_problem(random), count);
    const Stats stats = device.stats();
    std::printf("{\"seed\":%ld,\"products\":%u,\"wrong\":%u,\"refused\":%u,\"tiles\":%llu,"
                "\"mismatch\":%llu,\"cpu_fallback\":%llu,\"lost\":%d,\"npu_ms_modelled\":%.6f}\n",
                seed, count.products, count.wrong, count.refused,
                static_cast<unsigned long long>(stats.checksum.checked),
                static_cast<unsigned long long>(stats.checksum.mismatch),
                static_cast<unsigned long long>(stats.checksum.cpu_fallback), device.lost(),
                stats.npu_ms_modelled);
    std::fflush(stdout);
    EXPECT_EQ(count.wrong, 0u);
    EXPECT_GT(count.products, 0u);
}

}  // namespace
}  // namespace rosenblatt::matmul
