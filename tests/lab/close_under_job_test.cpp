// SPDX-License-Identifier: MIT
// For the guest of scripts/lab.sh: closes device files while their jobs run, at a random moment of
// each. The program itself must come to no harm; whether the kernel does is what the lab wants to
// see.
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <random>

#include "../port/port_fixture.hpp"
#include "rocket/system_port.hpp"

namespace rosenblatt::port_test {
namespace {

TEST(CloseUnderJob, TheProgramComesToNoHarm) {
    const char* text = std::getenv("LAB_SECONDS");
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::seconds(text ? std::atoi(text) : 5);
    std::mt19937 random(1);
    rocket::SystemPort port;
    unsigned rounds = 0;
    for (; std::chrono::steady_clock::now() < end; ++rounds) {
        RawFile file(port);
        Matmul matmul(file);
        std::vector<drm_rocket_task> tasks(1 + random() % 50, matmul.task());
        if (random() % 4 == 0) tasks.push_back(k_hanging_task);
        ASSERT_EQ(file.submit(matmul.job(tasks)), 0);
        ::usleep(static_cast<useconds_t>(random() % 3000));
        ASSERT_EQ(::close(file.fd),
                  0);  // not through the port, which lets the kernel catch its breath
        file.fd = -1;
    }
    EXPECT_GT(rounds, 0u);
}

}  // namespace
}  // namespace rosenblatt::port_test
