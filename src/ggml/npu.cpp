// SPDX-License-Identifier: MIT
#include "ggml/npu.hpp"

#include <utility>

#include "ggml/host_memory.hpp"
#include "ggml/log_sink.hpp"

namespace rosenblatt::ggml {

Npu::Npu(matmul::FoundNpu found, const Options& options)
    : found_(std::move(found)), options_(options) {}

Result<std::unique_ptr<Npu>> Npu::find(const Options& options) {
    auto found = matmul::find_npu(options, warn_once);
    if (!found) return found.error();
    return std::unique_ptr<Npu>(new Npu(std::move(*found), options));
}

std::unique_ptr<matmul::Device> Npu::open() const {
    const auto wanted =
        matmul::device_options(options_, found_, host_memory().available / 2, warn_once);
    auto device = matmul::Device::open(*found_.port, found_.path, wanted);
    if (device) return std::move(*device);
    warn_once(device.error().message + " The work goes on on the CPU.");
    return nullptr;
}

matmul::Device* Npu::device() {
    std::lock_guard lock(mutex_);
    if (!std::exchange(tried_, true)) device_ = open();
    return device_ && !device_->lost() ? device_.get() : nullptr;
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
