// SPDX-License-Identifier: MIT
#include "ggml/npu.hpp"

#include "rocket/device.hpp"
#include "rocket/system_port.hpp"

namespace rosenblatt::ggml {
namespace {

constexpr const char* k_emulated_node = "/dev/accel/accel0";

}  // namespace

Result<std::unique_ptr<Npu>> Npu::find(const Options& options) {
    const auto made = [&](std::string path, bool emulated) {
        return std::unique_ptr<Npu>(new Npu(std::move(path), emulated));
    };
    if (options.device == "emulator") return made(k_emulated_node, true);
    rocket::SystemPort port;
    if (options.device != "auto") {
        const auto file = rocket::open_device(port, options.device);
        if (!file) return file.error();
        return made(options.device, false);
    }
    auto path = rocket::find_device(port);
    if (!path) return path.error();
    return made(std::move(*path), false);
}

}  // namespace rosenblatt::ggml
