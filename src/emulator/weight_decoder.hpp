// SPDX-License-Identifier: MIT
// WeightDecoder: the CNA's DCOMP: int8 weight tiles from sixteen coded lanes (hardware.md 5.9).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emulator/bus.hpp"
#include "emulator/fault.hpp"

namespace rosenblatt::emulator {

/// Every 1 KiB tile is dealt out to 16 lanes in runs of 4 weights. A lane starts with a header of
/// 16 bytes (modal value, ranks of the magnitude widths) and codes each weight as prefix, sign, and
/// the bits below the leading one of its distance from the modal value. Lanes lie one after the
/// other, each aligned to 64 bytes.
class WeightDecoder {
  public:
    WeightDecoder(Bus& bus, Iova start, const std::array<uint32_t, 16>& lane_blocks);

    /// Decoded weights from `offset` on. Going backwards starts over.
    Check read(uint64_t offset, std::span<std::byte> bytes);

    uint64_t coded_bytes() const { return coded_bytes_; }

  private:
    static constexpr size_t k_lanes = 16;
    static constexpr size_t k_tile = 1024;

    struct Lane {
        Iova start = 0;
        uint64_t bits = 0;      ///< coded bits, header included
        uint64_t position = 0;  ///< next bit
        uint8_t modal = 0;
        std::array<uint8_t, 8> widths{};  ///< magnitude width by rank
        Iova buffer_start = 0;
        std::vector<std::byte> buffer;
    };

    Check restart();
    Check read_header(Lane& lane);
    Check decode_tile();
    Check decode_weight(Lane& lane, std::byte& weight);
    Check peek(Lane& lane, uint32_t& bits);

    Bus& bus_;
    std::array<Lane, k_lanes> lanes_;
    std::array<std::byte, k_tile> tile_{};
    uint64_t tile_end_ = 0;  ///< offset behind the tile in tile_; 0: none decoded yet
    uint64_t coded_bytes_ = 0;
    bool started_ = false;
};

}  // namespace rosenblatt::emulator
