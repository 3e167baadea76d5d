// SPDX-License-Identifier: MIT
// Several clients of one NPU: threads on one device, and devices of their own on one kernel, as
// processes have them.
#include <gtest/gtest.h>

#include <algorithm>
#include <latch>
#include <mutex>
#include <set>
#include <thread>

#include "engine.hpp"

namespace rosenblatt::matmul {
namespace {

constexpr unsigned k_clients = 4;
/// Long enough, a second or more, for whatever else the machine runs to slow all clients alike.
constexpr unsigned k_rounds = 600;

/// One client's door to a kernel it shares. `kill` is what the kernel does to a killed process's
/// files.
class ClientPort final : public KernelPort {
  public:
    explicit ClientPort(KernelPort& kernel) : kernel_(kernel) {}
    int open(const char* path, int flags) override {
        const int fd = kernel_.open(path, flags);
        const std::lock_guard lock(mutex_);
        if (fd >= 0) files_.insert(fd);
        return fd;
    }
    int close(int fd) override {
        const std::lock_guard lock(mutex_);
        return files_.erase(fd) > 0 ? kernel_.close(fd) : -EBADF;
    }
    int ioctl(int fd, unsigned long request, void* arg) override {
        {
            const std::lock_guard lock(mutex_);
            if (!files_.contains(fd)) return -EBADF;
        }
        return kernel_.ioctl(fd, request, arg);
    }
    int mmap(int fd, size_t length, uint64_t offset, void** address) override {
        return kernel_.mmap(fd, length, offset, address);
    }
    int munmap(void* address, size_t length) override { return kernel_.munmap(address, length); }

    void kill() {
        const std::lock_guard lock(mutex_);
        for (const int fd : files_) kernel_.close(fd);
        files_.clear();
    }

  private:
    KernelPort& kernel_;
    std::mutex mutex_;
    std::set<int> files_;
};

/// A client that multiplies its own problem without pause and holds each result against the truth.
struct Client {
    explicit Client(uint64_t seed)
        : problem(48, 256, 160, seed), truth(problem.truth(Pipeline::W8A8H)) {}

    /// Until somebody has done `rounds`, or this one has; counts its own. `start`: all wait for one
    /// another once their weights are packed.
    void work(Device& device, const std::atomic<bool>& stop, std::atomic<bool>& done,
              unsigned rounds, std::latch* start = nullptr) {
        auto weights = pack(device, {problem.n, problem.k}, problem.source(), Pipeline::W8A8H);
        if (start) start->arrive_and_wait();
        ASSERT_TRUE(weights.ok()) << weights.error().message;
        std::vector<float> y(truth.size());
        while (!stop && rounds_done < rounds) {
            const auto outcome = multiply(device, **weights, problem.x.data(), problem.k, problem.m,
                                          y.data(), problem.n);
            ASSERT_TRUE(outcome.ok()) << outcome.error().message;
            wrong += differing(y, truth);
            ++rounds_done;
        }
        if (rounds_done == rounds) done = true;
    }

    Problem problem;
    std::vector<float> truth;
    std::atomic<unsigned> rounds_done{0};
    size_t wrong = 0;
};

std::vector<std::unique_ptr<Client>> make_clients() {
    std::vector<std::unique_ptr<Client>> clients;
    for (unsigned i = 0; i < k_clients; ++i) clients.push_back(std::make_unique<Client>(i + 1));
    return clients;
}

void expect_right_and_fair(const std::vector<std::unique_ptr<Client>>& clients) {
    unsigned least = k_rounds;
    for (const auto& client : clients) {
        EXPECT_EQ(client->wrong, 0u);
        least = std::min(least, client->rounds_done.load());
    }
    EXPECT_GE(least, k_rounds / 2)
        << "one client had " << least << " turns while another had " << k_rounds;
}

TEST(Clients, ThreadsOfOneDeviceTakeTurns) {
    Engine engine;
    const auto clients = make_clients();
    std::latch start(k_clients);
    std::atomic<bool> done{false};
    std::vector<std::thread> threads;
    for (const auto& client : clients)
        threads.emplace_back([&] { client->work(*engine.device, done, done, k_rounds, &start); });
    for (std::thread& thread : threads) thread.join();
    expect_right_and_fair(clients);
}

std::unique_ptr<Device> open_device(KernelPort& port) {
    auto opened = Device::open(port, emukernel::k_device_path, {});
    EXPECT_TRUE(opened.ok()) << opened.error().message;
    return std::move(opened).value();
}

TEST(Clients, DevicesOfTheirOwnShareTheCoresFairly) {
    const Engine engine;  // for its kernel
    const auto clients = make_clients();
    std::latch start(k_clients);
    std::atomic<bool> done{false};
    std::vector<std::thread> threads;
    for (const auto& client : clients)
        threads.emplace_back([&] {
            const auto device = open_device(*engine.port);
            client->work(*device, done, done, k_rounds, &start);
        });
    for (std::thread& thread : threads) thread.join();
    expect_right_and_fair(clients);
}

TEST(Clients, AKilledClientTakesNobodysBitsWithIt) {
    const Engine engine;
    const auto clients = make_clients();
    std::atomic<bool> done{false}, never{false};
    std::vector<std::thread> threads;
    for (const auto& client : clients)
        threads.emplace_back([&] {
            const auto device = open_device(*engine.port);
            client->work(*device, never, done, k_rounds);
        });
    for (uint64_t seed = 100; !done; ++seed) {  // others come, begin and are killed
        ClientPort port(*engine.port);
        const auto device = open_device(port);
        Client victim(seed);
        std::atomic<bool> ignored{false};
        std::thread life([&] { victim.work(*device, never, ignored, 8); });
        while (victim.rounds_done < 2) std::this_thread::yield();
        port.kill();
        life.join();
        EXPECT_EQ(victim.wrong, 0u) << "seed " << seed;  // it even ends its own work, on the CPU
    }
    for (std::thread& thread : threads) thread.join();
    for (const auto& client : clients) {
        EXPECT_EQ(client->wrong, 0u);
        EXPECT_EQ(client->rounds_done.load(), k_rounds);
    }
}

}  // namespace
}  // namespace rosenblatt::matmul
