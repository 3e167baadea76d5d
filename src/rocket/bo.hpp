// SPDX-License-Identifier: MIT
// Bo: a buffer object of one lane, mapped for the CPU. Made by Lane::create_bo.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "rocket/device_file.hpp"

namespace rosenblatt::rocket {

class BoRegistry;

/// Owner of a CPU mapping made through a port.
class Mapping {
  public:
    Mapping() = default;
    Mapping(KernelPort& port, void* address, size_t length)
        : port_(&port), address_(address), length_(length) {}
    Mapping(Mapping&& other) noexcept;
    Mapping& operator=(Mapping&& other) noexcept;
    ~Mapping();

    std::byte* data() const { return static_cast<std::byte*>(address_); }
    size_t size() const { return length_; }

  private:
    KernelPort* port_ = nullptr;
    void* address_ = nullptr;
    size_t length_ = 0;
};

/// Move-only owner of a GEM handle. Handle, IOVA and mapping are fixed for its life. The kernel
/// keeps the memory of a BO that a running job lists; one in no list is unmapped under the job.
class Bo {
  public:
    Bo() = default;
    Bo(Bo&& other) noexcept;
    Bo& operator=(Bo&& other) noexcept;
    ~Bo();

    explicit operator bool() const { return file_ != nullptr; }
    uint32_t handle() const { return handle_; }
    uint32_t iova() const { return iova_; }  ///< 0 is a valid address
    size_t size() const { return mapping_.size(); }
    std::byte* data() const { return mapping_.data(); }
    std::span<std::byte> bytes() const { return {data(), size()}; }

  private:
    friend class Lane;
    Bo(std::shared_ptr<DeviceFile> file, std::shared_ptr<BoRegistry> registry, uint32_t handle,
       uint32_t iova, Mapping mapping);

    std::shared_ptr<DeviceFile> file_;
    std::shared_ptr<BoRegistry> registry_;
    uint32_t handle_ = 0;
    uint32_t iova_ = 0;
    Mapping mapping_;
};

}  // namespace rosenblatt::rocket
