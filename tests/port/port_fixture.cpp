// SPDX-License-Identifier: MIT
#include "port_fixture.hpp"

#include <fcntl.h>
#include <time.h>

#include <fstream>

#include "emukernel/port.hpp"
#include "rocket/device.hpp"
#include "rocket/system_port.hpp"

namespace rosenblatt::port_test {

int64_t in(int64_t ns) {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1'000'000'000ll + now.tv_nsec + ns;
}

uint64_t meminfo(const std::string& wanted) {
    std::ifstream lines("/proc/meminfo");
    std::string name, unit;
    for (uint64_t kib = 0; lines >> name >> kib; std::getline(lines, unit))
        if (name == wanted) return kib * 1024;
    return 0;
}

RawBo::RawBo(KernelPort& port, int fd, uint32_t wanted) : size(wanted), port_(port), fd_(fd) {
    drm_rocket_create_bo create{};
    create.size = size;
    EXPECT_EQ(port.ioctl(fd, DRM_IOCTL_ROCKET_CREATE_BO, &create), 0);
    handle = create.handle;
    iova = static_cast<uint32_t>(create.dma_address);
    offset = create.offset;
    void* address = nullptr;
    EXPECT_EQ(port.mmap(fd, size, offset, &address), 0);
    data = static_cast<uint8_t*>(address);
}

RawBo::~RawBo() {
    if (data) port_.munmap(data, size);
    if (open_) close();
}

int RawBo::close() {
    open_ = false;
    drm_rocket_gem_close close{};
    close.handle = handle;
    return port_.ioctl(fd_, DRM_IOCTL_ROCKET_GEM_CLOSE, &close);
}

RawFile::RawFile(KernelPort& p) : port(p), fd(p.open(k_path, O_RDWR)) {
    EXPECT_GE(fd, 0);
}

RawFile::~RawFile() {
    close();
}

void RawFile::close() {
    if (fd >= 0) port.close(fd);
    fd = -1;
}

bool RawFile::real() const {
    return dynamic_cast<rocket::SystemPort*>(&port) != nullptr;
}

int RawFile::create(uint32_t size, drm_rocket_create_bo* created) {
    drm_rocket_create_bo create{};
    create.size = size;
    const int result = ioctl(DRM_IOCTL_ROCKET_CREATE_BO, &create);
    if (created) *created = create;
    return result;
}

int RawFile::prep(uint32_t handle, int64_t timeout_ns, uint32_t reserved) {
    drm_rocket_prep_bo prep{};
    prep.handle = handle;
    prep.reserved = reserved;
    prep.timeout_ns = timeout_ns;
    return ioctl(DRM_IOCTL_ROCKET_PREP_BO, &prep);
}

int RawFile::fini(uint32_t handle, uint32_t reserved) {
    drm_rocket_fini_bo fini{};
    fini.handle = handle;
    fini.reserved = reserved;
    return ioctl(DRM_IOCTL_ROCKET_FINI_BO, &fini);
}

int RawFile::close_handle(uint32_t handle) {
    drm_rocket_gem_close close{};
    close.handle = handle;
    return ioctl(DRM_IOCTL_ROCKET_GEM_CLOSE, &close);
}

int RawFile::submit(const drm_rocket_job& job) {
    drm_rocket_submit submit{};
    submit.jobs = reinterpret_cast<uintptr_t>(&job);
    submit.job_count = 1;
    submit.job_struct_size = sizeof job;
    return ioctl(DRM_IOCTL_ROCKET_SUBMIT, &submit);
}

Matmul::Matmul(RawFile& f, uint32_t seed)
    : file(f),
      command(f.port, f.fd, 4096),
      features(f.port, f.fd, k_input_bytes),
      weights(f.port, f.fd, k_input_bytes),
      output(f.port, f.fd, k_output_bytes) {
    const auto words = matmul_stream(features.iova, weights.iova, output.iova);
    const auto a = make_features(seed);
    const auto b = make_weights(seed);
    expected_ = expected_output(a, b);
    stream_words = static_cast<uint32_t>(words.size());
    std::memcpy(command.data, words.data(), words.size() * sizeof words[0]);
    std::memcpy(features.data, a.data(), a.size());
    std::memcpy(weights.data, b.data(), b.size());
    for (const RawBo* bo : {&command, &features, &weights}) EXPECT_EQ(f.fini(bo->handle), 0);
    in_handles = {command.handle, features.handle, weights.handle};
    out_handles = {output.handle};
    poison_output();
}

Matmul::~Matmul() {
    if (!file.real() || file.fd < 0) return;
    for (const uint32_t handle : out_handles) file.prep(handle, k_forever);
}

drm_rocket_job Matmul::job() {
    return job({task()});
}

drm_rocket_job Matmul::job(std::vector<drm_rocket_task> tasks) {
    tasks_of_job = std::move(tasks);
    drm_rocket_job job{};
    job.tasks = reinterpret_cast<uintptr_t>(tasks_of_job.data());
    job.task_count = static_cast<uint32_t>(tasks_of_job.size());
    job.task_struct_size = sizeof(drm_rocket_task);
    job.in_bo_handles = reinterpret_cast<uintptr_t>(in_handles.data());
    job.in_bo_handle_count = static_cast<uint32_t>(in_handles.size());
    job.out_bo_handles = reinterpret_cast<uintptr_t>(out_handles.data());
    job.out_bo_handle_count = static_cast<uint32_t>(out_handles.size());
    return job;
}

bool Matmul::output_is_right() const {
    return std::memcmp(output.data, expected_.data(), sizeof expected_) == 0;
}

bool Matmul::output_is_untouched() const {
    for (uint32_t i = 0; i < k_output_bytes; ++i)
        if (output.data[i] != 0xee) return false;
    return true;
}

void Matmul::poison_output() {
    std::memset(output.data, 0xee, k_output_bytes);
    EXPECT_EQ(file.fini(output.handle), 0);
}

void PortTest::SetUp() {
    if (emulated()) {
        auto emulated_port = emukernel::Port::create();
        ASSERT_TRUE(emulated_port) << emulated_port.error().message;
        port_ = std::move(emulated_port).value();
        return;
    }
    port_ = std::make_unique<rocket::SystemPort>();
    const auto device = rocket::open_device(*port_, k_path);
    if (!device) GTEST_SKIP() << device.error().message;
}

bool PortTest::has_memory(uint64_t bytes) const {
    return emulated() || meminfo("MemAvailable:") > bytes;
}

}  // namespace rosenblatt::port_test
