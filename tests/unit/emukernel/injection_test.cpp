// SPDX-License-Identifier: MIT
// Faults as a user of the port sees them, and what the kernel counts.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <vector>

#include "emukernel/port.hpp"
#include "port_fixture.hpp"

namespace rosenblatt::emukernel {
namespace {

using port_test::in;
using port_test::k_ms;
using port_test::k_output_bytes;
using port_test::Matmul;
using port_test::RawFile;

std::unique_ptr<Port> port_with(const char* faults, Config config = {}) {
    auto rules = parse_faults(faults);
    EXPECT_TRUE(rules) << rules.error().message;
    config.faults = std::move(rules).value();
    auto port = Port::create(std::move(config));
    EXPECT_TRUE(port) << port.error().message;
    return std::move(port).value();
}

using Output = std::vector<uint8_t>;

Output output_of(const Matmul& matmul) {
    return {matmul.output.data, matmul.output.data + k_output_bytes};
}

// Runs the same matmul once without and once with the fault, from the same poisoned output.
struct Spoiled {
    explicit Spoiled(const char* fault) : port(port_with(fault)), file(*port), matmul(file) {
        EXPECT_EQ(matmul.submit(), 0);
        EXPECT_EQ(matmul.wait(), 0);
        EXPECT_TRUE(matmul.output_is_right());
        good = output_of(matmul);
        matmul.poison_output();
        EXPECT_EQ(matmul.submit(), 0);
        EXPECT_EQ(matmul.wait(), 0);
        bad = output_of(matmul);
    }
    std::unique_ptr<Port> port;
    RawFile file;
    Matmul matmul;
    Output good, bad;
};

TEST(Injection, AFlippedBitIsTheOnlyDifference) {
    Spoiled run("flip:job=2,bit=17");
    int differing = 0;
    for (size_t i = 0; i < run.good.size(); ++i)
        differing += std::popcount(static_cast<unsigned>(run.good[i] ^ run.bad[i]));
    EXPECT_EQ(differing, 1);
    EXPECT_EQ(run.good[2] ^ run.bad[2], 1 << 1);
}

TEST(Injection, AFlippedBitBeyondTheOutputWrapsIntoIt) {
    Spoiled run("flip:job=2,bit=32769");  // 4096 bytes are 32768 bits
    EXPECT_EQ(run.good[0] ^ run.bad[0], 1 << 1);
}

TEST(Injection, APartialJobWritesHalfItsOutput) {
    Spoiled run("partial:job=2");
    const auto half = static_cast<std::ptrdiff_t>(run.good.size() / 2);
    EXPECT_TRUE(std::equal(run.good.begin(), run.good.begin() + half, run.bad.begin()));
    EXPECT_EQ(Output(run.bad.begin() + half, run.bad.end()), Output(run.good.size() / 2, 0xee));
}

TEST(Injection, ASwappedSingleTaskHasItsHalvesExchanged) {
    Spoiled run("swap:job=2");
    std::rotate(run.bad.begin(), run.bad.begin() + static_cast<std::ptrdiff_t>(run.bad.size() / 2),
                run.bad.end());
    EXPECT_EQ(run.bad, run.good);
}

TEST(Injection, SwappedTilesAreTheTwoTasksOutputs) {
    auto port = port_with("swap:job=3");
    RawFile file(*port);
    Matmul first(file, 1), second(file, 2);
    EXPECT_EQ(first.submit(), 0);
    EXPECT_EQ(second.submit(), 0);
    EXPECT_EQ(second.wait(), 0);
    const Output a = output_of(first), b = output_of(second);
    first.out_handles.push_back(second.output.handle);
    EXPECT_EQ(file.submit(first.job({first.task(), second.task()})), 0);
    EXPECT_EQ(first.wait(), 0);
    EXPECT_EQ(output_of(first), b);
    EXPECT_EQ(output_of(second), a);
}

TEST(Injection, AStaleOutputShowsTheEarlierJobsResultOverThePoison) {
    auto port = port_with("stale:job=2");
    RawFile file(*port);
    Matmul matmul(file, 1);
    EXPECT_EQ(matmul.submit(), 0);
    EXPECT_EQ(matmul.wait(), 0);
    const Output earlier = output_of(matmul);
    const auto other = port_test::make_features(99);
    std::memcpy(matmul.features.data, other.data(), other.size());
    matmul.poison_output();
    EXPECT_EQ(matmul.submit(), 0);
    EXPECT_EQ(matmul.wait(), 0);
    EXPECT_EQ(output_of(matmul), earlier);
}

TEST(Injection, ADroppedJobLeavesNothingToWaitFor) {
    auto port = port_with("drop:job=1");
    RawFile file(*port);
    Matmul matmul(file);
    EXPECT_EQ(matmul.submit(), 0);
    EXPECT_EQ(matmul.wait(0), 0);
    EXPECT_TRUE(matmul.output_is_untouched());
    EXPECT_EQ(matmul.submit(), 0);
    EXPECT_EQ(matmul.wait(), 0);
    EXPECT_TRUE(matmul.output_is_right());
}

TEST(Injection, HungAndFaultingJobsEndAfterHalfASecondUnwritten) {
    for (const char* fault : {"hang:job=1", "iommu:job=1"}) {
        auto port = port_with(fault);
        RawFile file(*port);
        Matmul matmul(file);
        EXPECT_EQ(matmul.submit(), 0);
        EXPECT_EQ(matmul.wait(in(50 * k_ms)), -ETIMEDOUT);
        EXPECT_EQ(matmul.wait(), 0);
        EXPECT_TRUE(matmul.output_is_untouched());
        EXPECT_EQ(port->kernel().counters()[0].timeouts, 1u);
        EXPECT_EQ(matmul.submit(), 0);
        EXPECT_EQ(matmul.wait(), 0);
        EXPECT_TRUE(matmul.output_is_right());
    }
}

TEST(Injection, ALostDeviceIsEnodevForEveryCall) {
    auto port = port_with("lost:job=2");
    RawFile file(*port);
    Matmul matmul(file);
    EXPECT_EQ(matmul.submit(), 0);
    EXPECT_EQ(matmul.wait(), 0);
    EXPECT_EQ(matmul.submit(), 0);  // SUBMIT reports no job's error, not even this one
    EXPECT_EQ(matmul.wait(), -ENODEV);
    EXPECT_EQ(file.create(4096), -ENODEV);
    EXPECT_EQ(port->open(k_device_path, 0), -ENODEV);
    matmul.output.data[0] = 1;  // mappings stay
}

TEST(Injection, ALostDeviceWakesWhoeverWaits) {
    auto port = port_with("hang:job=1;lost:job=2");
    RawFile first(*port), second(*port);
    Matmul hung(first), last(second);
    EXPECT_EQ(hung.submit(), 0);
    EXPECT_EQ(last.submit(), 0);
    EXPECT_EQ(hung.wait(), -ENODEV);
}

TEST(Injection, OneBufferFindsNoAddress) {
    auto port = port_with("enospc:bo=2");
    RawFile file(*port);
    EXPECT_EQ(file.create(4096), 0);
    EXPECT_EQ(file.create(4096), -ENOSPC);
    EXPECT_EQ(file.create(4096), 0);
}

TEST(Injection, LanesAreTheOpenFilesInOrder) {
    auto port = port_with("drop:job=1,lane=1");
    RawFile{*port};  // a probe that closed its file again
    RawFile zero(*port), one(*port);
    Matmul a(zero), b(one);
    EXPECT_EQ(a.submit(), 0);
    EXPECT_EQ(b.submit(), 0);
    EXPECT_EQ(a.wait(), 0);
    EXPECT_EQ(b.wait(), 0);
    EXPECT_TRUE(a.output_is_right());
    EXPECT_TRUE(b.output_is_untouched());
}

TEST(Kernel, CountsTasksJobsAndModelledTimePerCore) {
    auto port = port_with("");
    RawFile file(*port);
    Matmul matmul(file);
    EXPECT_EQ(file.submit(matmul.job({matmul.task(), matmul.task()})), 0);
    EXPECT_EQ(matmul.wait(), 0);
    const auto counters = port->kernel().counters();
    ASSERT_EQ(counters.size(), 3u);
    EXPECT_EQ(counters[0].tasks, 2u);
    EXPECT_EQ(counters[0].jobs, 1u);
    EXPECT_EQ(counters[0].timeouts, 0u);
    EXPECT_GT(counters[0].modelled_ns, 0u);
    EXPECT_EQ(counters[1].jobs, 0u);
    EXPECT_DOUBLE_EQ(port->kernel().modelled_ms(),
                     static_cast<double>(counters[0].modelled_ns) / 1e6);
}

TEST(Kernel, AnIdleDeviceServesEveryFileOnItsFirstCore) {
    auto port = port_with("");
    RawFile first(*port), second(*port);
    for (RawFile* file : {&first, &second, &first}) {
        Matmul matmul(*file);
        EXPECT_EQ(matmul.submit(), 0);
        EXPECT_EQ(matmul.wait(), 0);
    }
    EXPECT_EQ(port->kernel().counters()[0].jobs, 3u);
}

TEST(Kernel, BusyFilesAreSpreadOverTheCores) {
    auto port = port_with("hang:job=1;hang:job=2");
    RawFile first(*port), second(*port), third(*port);
    Matmul a(first), b(second), c(third);
    for (Matmul* matmul : {&a, &b, &c}) EXPECT_EQ(matmul->submit(), 0);
    for (Matmul* matmul : {&a, &b, &c}) EXPECT_EQ(matmul->wait(), 0);
    for (const CoreCounters& core : port->kernel().counters()) EXPECT_EQ(core.jobs, 1u);
}

TEST(Kernel, TheWatchdogComparesModelledTimeAndCutsTheTaskOff) {
    auto port = port_with("slow:x=10000");  // 30 us and up become 300 ms and up
    RawFile file(*port);
    Matmul matmul(file, 1), second(file, 2);
    matmul.out_handles.push_back(second.output.handle);
    EXPECT_EQ(file.submit(matmul.job({matmul.task(), second.task()})), 0);
    EXPECT_EQ(matmul.wait(), 0);
    const auto core = port->kernel().counters()[0];
    EXPECT_EQ(core.timeouts, 1u);
    EXPECT_EQ(core.modelled_ns, 500'000'000u);
    EXPECT_TRUE(matmul.output_is_right());
    EXPECT_FALSE(second.output_is_right());
    EXPECT_FALSE(second.output_is_untouched());
    EXPECT_EQ(second.submit(), 0);
    EXPECT_EQ(second.wait(), 0);
    EXPECT_TRUE(second.output_is_right());
}

TEST(Kernel, BuffersLieInTheMemfdAtTheirMmapOffset) {
    Config config;
    config.backing = Backing::File;
    auto port = port_with("", config);
    RawFile file(*port);
    port_test::RawBo bo(*port, file.fd, 4096);
    bo.data[5] = 42;
    void* const foreign = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
                                 port->kernel().memory_fd(), static_cast<off_t>(bo.offset));
    ASSERT_NE(foreign, MAP_FAILED);
    EXPECT_EQ(static_cast<uint8_t*>(foreign)[5], 42);
    ::munmap(foreign, 4096);
}

TEST(Kernel, EveryMappingOfABufferShowsTheSameBytesUntilTheLastIsGone) {
    for (const Backing backing : {Backing::Own, Backing::File}) {
        Config config;
        config.backing = backing;
        auto port = port_with("", config);
        RawFile file(*port);
        port_test::RawBo bo(*port, file.fd, 3u << 20);
        void* other = nullptr;
        void* part = nullptr;
        ASSERT_EQ(port->mmap(file.fd, 3u << 20, bo.offset, &other), 0);
        ASSERT_EQ(port->mmap(file.fd, 4096, bo.offset, &part), 0);
        bo.data[5] = 42;
        EXPECT_EQ(static_cast<uint8_t*>(other)[5], 42);
        EXPECT_EQ(static_cast<uint8_t*>(part)[5], 42);
        EXPECT_EQ(port->munmap(part, 4096), 0);
        EXPECT_EQ(port->munmap(part, 4096), -EINVAL);
        EXPECT_EQ(port->munmap(other, 3u << 20), 0);
        EXPECT_EQ(bo.data[5], 42);
        EXPECT_EQ(bo.data[(3u << 20) - 1], 0);
    }
}

TEST(Kernel, AForkedChildFindsTheDeviceGoneAndHarmsNothing) {
    auto port = port_with("");
    RawFile file(*port);
    Matmul matmul(file);
    EXPECT_EQ(matmul.submit(), 0);
    EXPECT_EQ(matmul.wait(), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const bool gone = matmul.wait(0) == -ENODEV && port->open(k_device_path, 0) == -ENODEV;
        file.close();
        port.reset();
        ::_exit(gone ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_TRUE(matmul.output_is_right());
    matmul.poison_output();
    EXPECT_EQ(matmul.submit(), 0);
    EXPECT_EQ(matmul.wait(), 0);
    EXPECT_TRUE(matmul.output_is_right());
}

TEST(Kernel, ThreeCoresAtMost) {
    Config config;
    config.cores = 4;
    const auto port = Port::create(config);
    ASSERT_FALSE(port);
    EXPECT_NE(port.error().message.find("4 cores"), std::string::npos);
}

}  // namespace
}  // namespace rosenblatt::emukernel
