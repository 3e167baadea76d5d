// SPDX-License-Identifier: MIT
#include "ggml/npu.hpp"

#include <utility>

#include "emukernel/port.hpp"
#include "ggml/host_memory.hpp"
#include "ggml/log_sink.hpp"
#include "rocket/capture.hpp"
#include "rocket/device.hpp"
#include "rocket/system_port.hpp"

namespace rosenblatt::ggml {
namespace {

// The kernel leaves the NPU at its boot clock; the emulator models the chip's usual one.
constexpr double k_kernel_clock_mhz = 200;
constexpr double k_emulator_clock_mhz = 600;

double clock_for(const Options& options, bool emulated) {
    return options.clock_mhz.value_or(emulated ? k_emulator_clock_mhz : k_kernel_clock_mhz);
}

Result<std::unique_ptr<emukernel::Port>> emulated_port(const Options& options, double clock_mhz) {
    emukernel::Config config;
    config.machine = {clock_mhz, options.board, options.lanes};
    auto faults = emukernel::parse_faults(options.fault);
    if (faults)
        config.faults = std::move(*faults);
    else
        warn_once("GGML_ROCKET_FAULT: " + faults.error().message + " No fault is injected.");
    return emukernel::Port::create(std::move(config));
}

}  // namespace

Npu::Npu(std::unique_ptr<KernelPort> port, std::string path, bool emulated, const Options& options)
    : port_(std::move(port)),
      path_(std::move(path)),
      emulated_(emulated),
      clock_mhz_(clock_for(options, emulated)),
      options_(options) {}

Result<std::unique_ptr<Npu>> Npu::find(const Options& options) {
    const auto made = [&](std::unique_ptr<KernelPort> port, std::string path, bool emulated) {
        return std::unique_ptr<Npu>(new Npu(std::move(port), std::move(path), emulated, options));
    };
    if (options.device == "emulator") {
        auto port = emulated_port(options, clock_for(options, true));
        if (!port) return port.error();
        return made(std::move(*port), emukernel::k_device_path, true);
    }
    if (!options.fault.empty())
        warn_once("GGML_ROCKET_FAULT is for GGML_ROCKET_DEVICE=emulator; no fault is injected.");
    auto port = std::make_unique<rocket::SystemPort>();
    if (options.device != "auto") {
        const auto file = rocket::open_device(*port, options.device);
        if (!file) return file.error();
        return made(std::move(port), options.device, false);
    }
    auto path = rocket::find_device(*port);
    if (!path) return path.error();
    return made(std::move(port), std::move(*path), false);
}

std::unique_ptr<matmul::Device> Npu::open() const {
    matmul::DeviceOptions wanted;
    wanted.lanes = options_.lanes;
    wanted.verify = options_.verify;
    wanted.board = options_.board;
    wanted.clock_mhz = clock_mhz_;
    wanted.mem_max_bytes = options_.mem_max_bytes.value_or(host_memory().available / 2);
    wanted.warn = warn_once;
    if (!options_.capture_dir.empty()) {
        auto capture = rocket::Capture::open(options_.capture_dir);
        if (capture)
            wanted.capture = std::move(*capture);
        else
            warn_once("GGML_ROCKET_CAPTURE: " + capture.error().message + " Nothing is captured.");
    }
    auto device = matmul::Device::open(*port_, path_, wanted);
    if (device) return std::move(*device);
    warn_once(device.error().message + " The work goes on on the CPU.");
    return nullptr;
}

matmul::Device* Npu::device() {
    std::lock_guard lock(mutex_);
    if (!std::exchange(tried_, true)) device_ = open();
    if (!device_) return nullptr;
    if (device_->lost()) {
        warn_once("no lane of the NPU answers any more; the work goes on on the CPU.");
        return nullptr;
    }
    return device_.get();
}

matmul::Stats Npu::stats() const {
    std::lock_guard lock(mutex_);
    return device_ ? device_->stats() : matmul::Stats{};
}

uint64_t Npu::bo_bytes() const {
    std::lock_guard lock(mutex_);
    return device_ ? device_->bo_bytes() : 0;
}

}  // namespace rosenblatt::ggml
