// SPDX-License-Identifier: MIT
// NoiseBus: 4 GiB of IOVAs full of reproducible noise, made page by page when a task touches them.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <set>
#include <vector>

#include "emulator/bus.hpp"
#include "support/stream_input.hpp"

namespace rosenblatt::fuzz {

class NoiseBus final : public emulator::Bus {
  public:
    static constexpr uint64_t k_page = 4096;
    static constexpr uint64_t k_end = uint64_t{1} << 32;
    /// More is unmapped, so that no input makes a run slow. 12 MiB hold every recorded vector.
    static constexpr size_t k_most_pages = 3072;

    NoiseBus();
    ~NoiseBus() override;

    /// Forgets every page; from now on the memory of `input`. `views` may be refused, as QEMU's
    /// are.
    void restart(const testing::StreamInput& input, bool views);

    std::optional<emulator::Iova> read(emulator::Iova iova, std::span<std::byte> bytes) override;
    std::optional<emulator::Iova> write(emulator::Iova iova,
                                        std::span<const std::byte> bytes) override;
    const std::byte* view(emulator::Iova iova, size_t size) override;
    void put(uint64_t iova, std::span<const uint8_t> bytes);

    /// Of all pages written, whatever the order in which that happened.
    uint64_t hash_of_written() const;

  private:
    bool touch(uint64_t page);
    bool is_hole(uint64_t page) const;
    /// Mapped bytes from `iova` on, at most `size`.
    size_t mapped(uint64_t iova, size_t size);

    std::byte* memory_;
    std::vector<bool> present_;
    std::vector<uint64_t> touched_;
    std::set<uint64_t> written_;
    uint32_t seed_ = 0;
    uint16_t holes_ = 0;
    bool views_ = true;
};

}  // namespace rosenblatt::fuzz
