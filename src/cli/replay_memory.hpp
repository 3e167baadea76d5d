// SPDX-License-Identifier: MIT
// ReplayMemory: the BOs of a replay folder at their DMA addresses, as the emulated core sees them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/replay_manifest.hpp"
#include "emulator/bus.hpp"

namespace rosenblatt::cli {

class ReplayMemory final : public emulator::Bus {
  public:
    /// Reads each BO's file. An error when a file is missing or has not the BO's size.
    static Result<std::unique_ptr<ReplayMemory>> load(const std::string& folder,
                                                      const ReplayManifest& manifest);
    ~ReplayMemory() override;

    std::span<const std::byte> bytes(const ReplayBo& bo) const;
    /// The words of a task; empty when they do not lie in memory.
    std::vector<uint64_t> words(const ReplayTask& task);

    std::optional<emulator::Iova> read(emulator::Iova iova, std::span<std::byte> bytes) override;
    std::optional<emulator::Iova> write(emulator::Iova iova,
                                        std::span<const std::byte> bytes) override;
    const std::byte* view(emulator::Iova iova, size_t size) override;

  private:
    struct Range {
        emulator::Iova begin;
        emulator::Iova end;
    };

    ReplayMemory() = default;
    Result<void> map(const ReplayManifest& manifest);
    /// Mapped bytes from `iova` on without a gap.
    size_t room(emulator::Iova iova) const;
    std::byte* at(emulator::Iova iova) const { return base_ + (iova - first_); }

    std::byte* base_ = nullptr;
    emulator::Iova first_ = 0;
    size_t length_ = 0;
    std::vector<Range> ranges_;  ///< whole pages; neighbours are one range
};

}  // namespace rosenblatt::cli
