// SPDX-License-Identifier: MIT
#include "ggml/host_memory.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

namespace rosenblatt::ggml {
namespace {

TEST(HostMemory, IsReadFromMeminfo) {
    const std::string path = testing::TempDir() + "meminfo";
    std::ofstream(path) << "MemTotal:       32000 kB\nMemFree:  1 kB\nHugePages_Total:       0\n"
                           "MemAvailable:   20000 kB\n";
    const HostMemory memory = host_memory(path);
    EXPECT_EQ(memory.total, 32000u * 1024);
    EXPECT_EQ(memory.available, 20000u * 1024);
    std::remove(path.c_str());
}

TEST(HostMemory, IsNeverZeroBecauseLlamaCppWouldNotUseSuchADevice) {
    const HostMemory memory = host_memory("/nonexistent/meminfo");
    EXPECT_GT(memory.total, 0u);
    EXPECT_GT(memory.available, 0u);
}

TEST(HostMemory, ThePeakOfThisProcessIsReadFromItsStatus) {
    const std::string path = testing::TempDir() + "status";
    std::ofstream(path) << "Name:\ta b\nVmPeak:\t 9 kB\nVmHWM:\t   3000 kB\nVmRSS:\t 5 kB\n";
    EXPECT_EQ(peak_resident_bytes(path), 3000u * 1024);
    EXPECT_GT(peak_resident_bytes(), 1u << 20);
    EXPECT_EQ(peak_resident_bytes("/nonexistent/status"), 0u);
    std::remove(path.c_str());
}

}  // namespace
}  // namespace rosenblatt::ggml
