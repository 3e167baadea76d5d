// SPDX-License-Identifier: MIT
#include "rocket/bo.hpp"

#include <utility>

#include "drm/rocket_accel.h"
#include "rocket/bo_registry.hpp"

namespace rosenblatt::rocket {

Mapping::Mapping(Mapping&& other) noexcept
    : port_(std::exchange(other.port_, nullptr)),
      address_(std::exchange(other.address_, nullptr)),
      length_(std::exchange(other.length_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
    std::swap(port_, other.port_);
    std::swap(address_, other.address_);
    std::swap(length_, other.length_);
    return *this;
}

Mapping::~Mapping() {
    if (port_) port_->munmap(address_, length_);
}

Bo::Bo(std::shared_ptr<DeviceFile> file, std::shared_ptr<BoRegistry> registry, uint32_t handle,
       uint32_t iova, Mapping mapping)
    : file_(std::move(file)),
      registry_(std::move(registry)),
      handle_(handle),
      iova_(iova),
      mapping_(std::move(mapping)) {
    registry_->add({handle_, iova_, bytes()});
}

Bo::Bo(Bo&& other) noexcept
    : file_(std::move(other.file_)),
      registry_(std::move(other.registry_)),
      handle_(std::exchange(other.handle_, 0)),
      iova_(std::exchange(other.iova_, 0)),
      mapping_(std::move(other.mapping_)) {}

Bo& Bo::operator=(Bo&& other) noexcept {
    std::swap(file_, other.file_);
    std::swap(registry_, other.registry_);
    std::swap(handle_, other.handle_);
    std::swap(iova_, other.iova_);
    std::swap(mapping_, other.mapping_);
    return *this;
}

Bo::~Bo() {
    if (!file_) return;
    registry_->remove(handle_);
    mapping_ = Mapping();  // the temporary takes the mapping and unmaps it before the handle goes
    drm_rocket_gem_close close{};
    close.handle = handle_;
    file_->ioctl(DRM_IOCTL_ROCKET_GEM_CLOSE, close);
}

}  // namespace rosenblatt::rocket
