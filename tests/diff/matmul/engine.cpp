// SPDX-License-Identifier: MIT
#include "engine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <random>
#include <thread>

#include "drm/rocket_accel.h"
#include "matmul/half.hpp"
#include "matmul/reference.hpp"
#include "npu/convert.hpp"
#include "quant/int4.hpp"
#include "quant/int8.hpp"

namespace rosenblatt::matmul {

int CountingPort::open(const char* path, int flags) {
    const int fd = port_->open(path, flags);
    files += fd >= 0;
    return fd;
}

int CountingPort::close(int fd) {
    const int result = port_->close(fd);
    files -= result >= 0;
    return result;
}

int CountingPort::ioctl(int fd, unsigned long request, void* arg) {
    const int result = port_->ioctl(fd, request, arg);
    created += request == DRM_IOCTL_ROCKET_CREATE_BO && result >= 0;
    closed += request == DRM_IOCTL_ROCKET_GEM_CLOSE;
    return result;
}

int CountingPort::mmap(int fd, size_t length, uint64_t offset, void** address) {
    const int result = port_->mmap(fd, length, offset, address);
    if (result >= 0) {
        const std::lock_guard lock(mutex_);
        mapped.emplace_back(static_cast<std::byte*>(*address), length);
    }
    mappings += result >= 0;
    return result;
}

int CountingPort::munmap(void* address, size_t length) {
    const int result = port_->munmap(address, length);
    mappings -= result >= 0;
    return result;
}

Engine::Engine(DeviceOptions options, const std::string& faults, const Below& below) {
    emukernel::Config config;
    config.switches.strict = true;
    config.switches.poison = true;
    auto rules = emukernel::parse_faults(faults);
    EXPECT_TRUE(rules.ok()) << rules.error().message;
    config.faults = *rules;
    auto kernel = emukernel::Port::create(config);
    EXPECT_TRUE(kernel.ok()) << kernel.error().message;
    std::unique_ptr<KernelPort> bottom = std::move(kernel).value();
    if (below) bottom = below(std::move(bottom));
    port = std::make_unique<CountingPort>(std::move(bottom));
    options.warn = [this](const std::string& line) { warnings.push_back(line); };
    auto opened = Device::open(*port, emukernel::k_device_path, options);
    EXPECT_TRUE(opened.ok()) << opened.error().message;
    device = std::move(opened).value();
}

Problem::Problem(int64_t rows, int64_t channels, int64_t columns, uint64_t seed)
    : m(rows), k(channels), n(columns) {
    std::mt19937_64 random(seed);
    std::normal_distribution<float> gauss;
    for (int64_t i = 0; i < m * k; ++i) {
        const bool outlier = i % k % 97 == 5;
        x.push_back(gauss(random) * (outlier ? 30.0F : 1.0F));
    }
    for (int64_t i = 0; i < n * k; ++i) w.push_back(gauss(random) * 0.02F);
}

RowSource Problem::source() const {
    return [this](int64_t row, float* to) { std::copy_n(w.data() + row * k, k, to); };
}

namespace {

/// f16: fp16 codes, the chip's sums per slice, then the powers of two.
std::vector<float> half_truth(const Problem& p) {
    const quant::RowFormat format = quant::row_format(Pipeline::F16, p.k);
    const auto padded = static_cast<size_t>(format.k_padded);
    std::vector<uint16_t> codes(padded);
    std::vector<float> w(static_cast<size_t>(p.n) * padded), a(padded);
    std::vector<float> column_scales(static_cast<size_t>(p.n));
    for (size_t j = 0; j < column_scales.size(); ++j) {
        EXPECT_TRUE(
            half_row(format, &p.w[j * static_cast<size_t>(p.k)], codes.data(), &column_scales[j]));
        std::transform(codes.begin(), codes.end(), &w[j * padded], npu::fp32_from_fp16);
    }
    std::vector<float> y, slices(static_cast<size_t>(format.slices()));
    for (int64_t i = 0; i < p.m; ++i) {
        float scale = 0;
        EXPECT_TRUE(half_row(format, &p.x[static_cast<size_t>(i * p.k)], codes.data(), &scale));
        std::transform(codes.begin(), codes.end(), a.begin(), npu::fp32_from_fp16);
        for (size_t j = 0; j < column_scales.size(); ++j) {
            for (size_t s = 0; s < slices.size(); ++s) {
                const auto begin = static_cast<size_t>(format.slice_begin(static_cast<int64_t>(s)));
                const auto end = static_cast<size_t>(format.slice_end(static_cast<int64_t>(s)));
                slices[s] = reference::half_dot(&a[begin], &w[j * padded + begin], end - begin);
            }
            y.push_back(reference::half_scaled_sum(slices, scale, column_scales[j]));
        }
    }
    return y;
}

}  // namespace

std::vector<float> Problem::truth(Pipeline pipeline) const {
    if (pipeline == Pipeline::F16) return half_truth(*this);
    const quant::RowFormat format = quant::row_format(pipeline, k);
    const auto padded = static_cast<size_t>(format.k_padded);
    const auto slices = static_cast<size_t>(format.slices());
    std::vector<float> scratch(padded);
    std::vector<int8_t> a(padded), codes(static_cast<size_t>(n) * padded);
    std::vector<float> row_scales(slices), column_scales(static_cast<size_t>(n));
    for (int64_t j = 0; j < n; ++j) {
        const float* row = &w[static_cast<size_t>(j * k)];
        int8_t* to = &codes[static_cast<size_t>(j) * padded];
        float* scale = &column_scales[static_cast<size_t>(j)];
        const auto check = pipeline == Pipeline::W4A8
                               ? quant::quantise_int4_row(format, row, scratch.data(), to, scale)
                               : quant::quantise_row(format, true, row, scratch.data(), to, scale);
        EXPECT_EQ(check, quant::RowCheck::Good);
    }
    std::vector<float> y;
    std::vector<int32_t> sums(slices);
    for (int64_t i = 0; i < m; ++i) {
        EXPECT_EQ(quant::quantise_row(format, false, &x[static_cast<size_t>(i * k)], scratch.data(),
                                      a.data(), row_scales.data()),
                  quant::RowCheck::Good);
        for (int64_t j = 0; j < n; ++j) {
            const int8_t* column = &codes[static_cast<size_t>(j) * padded];
            for (size_t s = 0; s < slices; ++s) {
                const auto begin = static_cast<int64_t>(s);
                sums[s] = reference::dot(a.data() + format.slice_begin(begin),
                                         column + format.slice_begin(begin),
                                         format.slice_end(begin) - format.slice_begin(begin));
            }
            y.push_back(reference::scaled_sum(sums, row_scales.data(),
                                              column_scales[static_cast<size_t>(j)]));
        }
    }
    return y;
}

ParallelFor threads(unsigned count) {
    return [count](int64_t total, const LoopBody& body) {
        std::atomic<int64_t> next{0};
        std::vector<std::thread> workers;
        for (unsigned t = 0; t < count; ++t)
            workers.emplace_back([&] {
                for (int64_t i = next++; i < total; i = next++) body(i, i + 1);
            });
        for (std::thread& worker : workers) worker.join();
    };
}

std::vector<float> run(Engine& engine, const Problem& problem, Pipeline pipeline,
                       const ParallelFor& parallel_for) {
    auto weights =
        pack(*engine.device, {problem.n, problem.k}, problem.source(), pipeline, parallel_for);
    EXPECT_TRUE(weights.ok()) << weights.error().message;
    std::vector<float> y(static_cast<size_t>(problem.m * problem.n), -1.0F);
    if (!weights) return y;
    const auto outcome = multiply(*engine.device, **weights, problem.x.data(), problem.k, problem.m,
                                  y.data(), problem.n, parallel_for);
    EXPECT_TRUE(outcome.ok()) << outcome.error().message;
    if (outcome) {
        EXPECT_EQ(*outcome, Outcome::Done);
    }
    return y;
}

void expect_truth(Engine& engine, const Problem& problem, Pipeline pipeline,
                  const ParallelFor& parallel_for) {
    SCOPED_TRACE(std::to_string(problem.m) + "x" + std::to_string(problem.k) + "x" +
                 std::to_string(problem.n) + " " + name(pipeline));
    EXPECT_EQ(differing(run(engine, problem, pipeline, parallel_for), problem.truth(pipeline)), 0u);
}

size_t differing(const std::vector<float>& a, const std::vector<float>& b) {
    EXPECT_EQ(a.size(), b.size());
    size_t count = 0;
    for (size_t i = 0; i < a.size() && i < b.size(); ++i)
        count += std::bit_cast<uint32_t>(a[i]) != std::bit_cast<uint32_t>(b[i]);
    return count;
}

}  // namespace rosenblatt::matmul
