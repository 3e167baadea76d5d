// SPDX-License-Identifier: MIT
// BoRegistry: which BOs of a lane are alive, and where. Capture looks buffers up here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <vector>

namespace rosenblatt::rocket {

struct LiveBo {
    uint32_t handle = 0;
    uint32_t iova = 0;
    std::span<const std::byte> bytes;
};

class BoRegistry {
  public:
    void add(const LiveBo& bo) {
        std::lock_guard lock(mutex_);
        live_[bo.handle] = bo;
    }

    void remove(uint32_t handle) {
        std::lock_guard lock(mutex_);
        live_.erase(handle);
    }

    /// In ascending order of handles.
    std::vector<LiveBo> all() const {
        std::lock_guard lock(mutex_);
        std::vector<LiveBo> bos;
        for (const auto& [handle, bo] : live_) bos.push_back(bo);
        return bos;
    }

  private:
    mutable std::mutex mutex_;
    std::map<uint32_t, LiveBo> live_;
};

}  // namespace rosenblatt::rocket
