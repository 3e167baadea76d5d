// SPDX-License-Identifier: MIT
// For the guest of scripts/lab.sh: random products on the real driver for a while, each compared
// bit by bit with plain loops on the CPU. Every two seconds and at the end one line of JSON goes to
// LAB_REPORT (a file, or /dev/kmsg, whose lines outlive the guest). LAB_SECONDS and LAB_SEED say
// how long and which, LAB_SPARE_KIB how much of the NPU's 4 GiB of addresses is left to the only
// lane (0: all, three lanes).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <random>
#include <string>

#include "../diff/matmul/engine.hpp"
#include "tight_port.hpp"

namespace rosenblatt::matmul {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

long setting(const char* name, long otherwise) {
    const char* text = std::getenv(name);
    return text ? std::strtol(text, nullptr, 10) : otherwise;
}

struct Count {
    unsigned products = 0, wrong = 0, refused = 0;
};

// One write per line: what is killed leaves whole lines.
void report(const Count& count, const Device& device) {
    const char* path = std::getenv("LAB_REPORT");
    const int fd = path ? ::open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0) return;
    const Stats stats = device.stats();
    char line[512];
    const int length = std::snprintf(
        line, sizeof line,
        "lab: {\"process\":%d,\"products\":%u,\"wrong\":%u,\"refused\":%u,\"tiles\":%llu,"
        "\"mismatch\":%llu,\"cpu_fallback\":%llu,\"lost\":%d,\"npu_ms_modelled\":%.6f}\n",
        static_cast<int>(::getpid()), count.products, count.wrong, count.refused,
        static_cast<unsigned long long>(stats.checksum.checked),
        static_cast<unsigned long long>(stats.checksum.mismatch),
        static_cast<unsigned long long>(stats.checksum.cpu_fallback), device.lost(),
        stats.npu_ms_modelled);
    EXPECT_EQ(::write(fd, line, static_cast<size_t>(length)), length);
    ::close(fd);
}

Problem random_problem(std::mt19937_64& random) {
    const auto size = [&](uint64_t most) { return static_cast<int64_t>(1 + random() % most); };
    const int64_t m = size(24), k = 32 * size(12), n = size(200);
    return Problem(m, k, n, random());
}

// Some weights stay, as a model's do: a lane with few addresses runs out of them.
struct Kept {
    Problem problem;
    std::unique_ptr<Weights> weights;
};

void run_once(Device& device, std::deque<std::unique_ptr<Kept>>& kept, Problem problem,
              Count& count) {
    constexpr size_t k_kept = 16;
    auto next = std::make_unique<Kept>(Kept{std::move(problem), nullptr});
    const Problem& p = next->problem;
    auto weights = pack(device, {p.n, p.k}, p.source(), Pipeline::W8A8H);
    if (!weights) {  // no room for the weights: the caller computes on the CPU, nothing is wrong
        ++count.refused;
        if (!kept.empty()) kept.pop_front();
        return;
    }
    next->weights = std::move(*weights);
    std::vector<float> y(static_cast<size_t>(p.m * p.n), -1.0F);
    const auto outcome = multiply(device, *next->weights, p.x.data(), p.k, p.m, y.data(), p.n);
    ASSERT_TRUE(outcome.ok()) << outcome.error().message;
    ++count.products;
    count.wrong += differing(y, p.truth(Pipeline::W8A8H)) != 0;
    kept.push_back(std::move(next));
    if (kept.size() > k_kept) kept.pop_front();
}

TEST(RandomMatmul, HasTheBitsOfThePlainLoops) {
    std::mt19937_64 random(static_cast<uint64_t>(setting("LAB_SEED", 1)));
    const auto spare = static_cast<uint64_t>(setting("LAB_SPARE_KIB", 0)) * 1024;
    lab::TightPort port(spare);
    DeviceOptions options;
    options.clock_mhz = 600;  // the lab's device
    if (spare) options.lanes = 1;
    auto opened = Device::open(port, "/dev/accel/accel0", options);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    Device& device = **opened;
    const auto end = steady_clock::now() + seconds(setting("LAB_SECONDS", 5));
    std::deque<std::unique_ptr<Kept>> kept;
    Count count;
    auto next_report = steady_clock::now() + seconds(2);
    while (steady_clock::now() < end && !HasFatalFailure()) {
        const unsigned wrong = count.wrong;
        run_once(device, kept, random_problem(random), count);
        if (steady_clock::now() < next_report && count.wrong == wrong) continue;
        report(count, device);
        next_report = steady_clock::now() + seconds(2);
    }
    report(count, device);
    EXPECT_EQ(count.wrong, 0u);
    EXPECT_TRUE(spare == 0 || count.refused > 0) << "there was room for everything";
}

}  // namespace
}  // namespace rosenblatt::matmul
