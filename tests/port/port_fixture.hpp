// SPDX-License-Identifier: MIT
// What the contract tests share: a port (emulated always, the real kernel when its driver is
// rocket), raw ioctls on it, and one small matmul to submit. Errors are checked as the kernel's
// -errno.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "base/kernel_port.hpp"
#include "drm/rocket_accel.h"
#include "stream.hpp"

namespace rosenblatt::port_test {

constexpr const char* k_path = "/dev/accel/accel0";
constexpr int64_t k_ms = 1'000'000;

/// CLOCK_MONOTONIC now plus `ns`: what PREP_BO takes.
int64_t in(int64_t ns);
constexpr int64_t k_forever = INT64_MAX;

/// Bytes of a line of /proc/meminfo, such as "Shmem:"; 0 without it.
uint64_t meminfo(const std::string& name);

/// A BO by its handle, with its mapping; closed at the end unless close() was called.
class RawBo {
  public:
    RawBo(KernelPort& port, int fd, uint32_t size);
    ~RawBo();
    RawBo(const RawBo&) = delete;
    RawBo& operator=(const RawBo&) = delete;

    int close();

    uint32_t handle = 0;
    uint32_t iova = 0;
    uint64_t offset = 0;
    uint32_t size;
    uint8_t* data = nullptr;

  private:
    KernelPort& port_;
    int fd_;
    bool open_ = true;
};

/// One open file.
class RawFile {
  public:
    explicit RawFile(KernelPort& port);
    ~RawFile();
    RawFile(const RawFile&) = delete;
    RawFile& operator=(const RawFile&) = delete;

    template <typename Argument>
    int ioctl(unsigned long request, Argument* argument) {
        return port.ioctl(fd, request, argument);
    }
    int create(uint32_t size, drm_rocket_create_bo* created = nullptr);
    int prep(uint32_t handle, int64_t timeout_ns, uint32_t reserved = 0);
    int fini(uint32_t handle, uint32_t reserved = 0);
    int close_handle(uint32_t handle);
    int submit(const drm_rocket_job& job);
    void close();
    bool real() const;

    KernelPort& port;
    int fd;
};

/// BOs and stream of one 32x32x32 matmul in a file. The output starts as 0xEE.
class Matmul {
  public:
    explicit Matmul(RawFile& file, uint32_t seed = 1);
    /// Waits for its job on the real kernel, which does not survive a file closed under a job.
    ~Matmul();
    Matmul(const Matmul&) = delete;
    Matmul& operator=(const Matmul&) = delete;

    /// A sound job: stream, features and weights in, output out, one task.
    drm_rocket_job job();
    /// The same with `tasks` tasks, all the same stream unless changed in `tasks_of_job`.
    drm_rocket_job job(std::vector<drm_rocket_task> tasks);
    drm_rocket_task task() const { return {command.iova, stream_words}; }

    int submit() { return file.submit(job()); }
    int wait(int64_t timeout_ns = k_forever) { return file.prep(output.handle, timeout_ns); }

    bool output_is_right() const;
    bool output_is_untouched() const;
    void poison_output();

    RawFile& file;
    RawBo command, features, weights, output;
    uint32_t stream_words = 0;
    std::vector<drm_rocket_task> tasks_of_job;
    std::vector<uint32_t> in_handles, out_handles;

  private:
    std::array<int32_t, k_side * k_side> expected_{};
};

/// A task whose stream is not mapped: the core hangs until the watchdog resets it.
constexpr drm_rocket_task k_hanging_task{0xdead0000u, 4};

/// The parameter is "emukernel" or "system".
class PortTest : public testing::TestWithParam<std::string> {
  protected:
    void SetUp() override;
    KernelPort& port() { return *port_; }
    bool emulated() const { return GetParam() == "emukernel"; }
    /// Skips the test on a real kernel that has less memory to spare: there BOs are pinned at once.
    bool has_memory(uint64_t bytes) const;

  private:
    std::unique_ptr<KernelPort> port_;
};

inline std::string port_name(const testing::TestParamInfo<std::string>& port) {
    return port.param;
}

#define ROSENBLATT_PORT_SUITE(Suite)  \
    class Suite : public PortTest {}; \
    INSTANTIATE_TEST_SUITE_P(Port, Suite, testing::Values("emukernel", "system"), port_name)

}  // namespace rosenblatt::port_test
