// SPDX-License-Identifier: MIT
// Chooses between the kernel's device and the emulated one.
#include "matmul/find_npu.hpp"

#include <utility>

#include "emukernel/port.hpp"
#include "rocket/capture.hpp"
#include "rocket/device.hpp"
#include "rocket/system_port.hpp"

namespace rosenblatt::matmul {
namespace {

// The kernel leaves the NPU at its boot clock; the emulator models the chip's usual one.
constexpr double k_kernel_clock_mhz = 200;
constexpr double k_emulator_clock_mhz = 600;

Result<FoundNpu> emulated_npu(const Options& options, const Warn& warn) {
    const double clock_mhz = options.clock_mhz.value_or(k_emulator_clock_mhz);
    emukernel::Config config;
    config.machine = {clock_mhz, options.board, options.lanes};
    auto faults = emukernel::parse_faults(options.fault);
    if (faults)
        config.faults = std::move(*faults);
    else
        warn("GGML_ROCKET_FAULT: " + faults.error().message + " No fault is injected.");
    auto port = emukernel::Port::create(std::move(config));
    if (!port) return port.error();
    return FoundNpu{std::move(*port), emukernel::k_device_path, true, clock_mhz};
}

}  // namespace

Result<FoundNpu> find_npu(const Options& options, const Warn& warn) {
    if (options.device == "emulator") return emulated_npu(options, warn);
    if (!options.fault.empty())
        warn("GGML_ROCKET_FAULT is for GGML_ROCKET_DEVICE=emulator; no fault is injected.");
    FoundNpu npu{std::make_unique<rocket::SystemPort>(), options.device, false,
                 options.clock_mhz.value_or(k_kernel_clock_mhz)};
    if (options.device != "auto") {
        const auto file = rocket::open_device(*npu.port, options.device);
        if (!file) return file.error();
        return npu;
    }
    auto path = rocket::find_device(*npu.port);
    if (!path) return path.error();
    npu.path = std::move(*path);
    return npu;
}

DeviceOptions device_options(const Options& options, const FoundNpu& npu, uint64_t mem_max_default,
                             const Warn& warn) {
    DeviceOptions wanted;
    wanted.lanes = options.lanes;
    wanted.verify = options.verify;
    wanted.board = options.board;
    wanted.clock_mhz = npu.clock_mhz;
    wanted.mem_max_bytes = options.mem_max_bytes.value_or(mem_max_default);
    wanted.warn = warn;
    if (options.capture_dir.empty()) return wanted;
    auto capture = rocket::Capture::open(options.capture_dir, [warn](const Error& why) {
        warn("GGML_ROCKET_CAPTURE: " + why.message + " No further job is captured.");
    });
    if (capture)
        wanted.capture = std::move(*capture);
    else
        warn("GGML_ROCKET_CAPTURE: " + capture.error().message + " Nothing is captured.");
    return wanted;
}

}  // namespace rosenblatt::matmul
