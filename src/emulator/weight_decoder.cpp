// SPDX-License-Identifier: MIT
// WeightDecoder: lane headers, prefix codes, and the order in which lanes fill a tile.
#include "emulator/weight_decoder.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/bits.hpp"

namespace rosenblatt::emulator {
namespace {

constexpr uint64_t k_block_bits = 128;
constexpr size_t k_buffer_bytes = 4096;

// Prefixes by rank, least significant bit first.
constexpr std::array<uint32_t, 8> k_prefix = {0, 1, 7, 3, 6, 10, 18, 2};
constexpr std::array<uint32_t, 8> k_prefix_bits = {2, 2, 3, 3, 3, 4, 5, 5};

Fault broken(size_t lane, const char* what) {
    return make_fault(FaultKind::StreamRejected, npu::Block::Cna,
                      "compressed weights, lane " + std::to_string(lane) + ": " + what);
}

/// Rank of the prefix in the low bits; the eight prefixes leave no gap.
uint32_t rank_of(uint32_t bits) {
    for (uint32_t rank = 0; rank < k_prefix.size(); ++rank)
        if ((bits & ((1U << k_prefix_bits[rank]) - 1)) == k_prefix[rank]) return rank;
    return 0;
}

}  // namespace

WeightDecoder::WeightDecoder(Bus& bus, Iova start, const std::array<uint32_t, 16>& lane_blocks)
    : bus_(bus) {
    for (size_t i = 0; i < k_lanes; ++i) {
        const uint64_t blocks = uint64_t{lane_blocks[i]} + 1;
        lanes_[i].start = start;
        lanes_[i].bits = blocks * k_block_bits;
        start += align_up<uint64_t>(blocks * 16, 64);
        coded_bytes_ += align_up<uint64_t>(blocks * 16, 64);
    }
}

Check WeightDecoder::restart() {
    for (Lane& lane : lanes_)
        if (Check fault = read_header(lane)) return fault;
    tile_end_ = 0;
    started_ = true;
    return std::nullopt;
}

Check WeightDecoder::read_header(Lane& lane) {
    std::array<std::byte, 16> header;
    if (const auto fault = bus_.read(lane.start, header))
        return read_fault(npu::Block::Cna, *fault, "compressed weights");
    const size_t index = static_cast<size_t>(&lane - lanes_.data());
    if (header[0] != std::byte{0}) return broken(index, "the header's first byte is not 0");
    lane.modal = static_cast<uint8_t>(header[1]);
    uint32_t seen = 0;
    for (size_t rank = 0; rank < 8; ++rank) {
        const auto pair = static_cast<uint8_t>(header[4 + rank / 2]);
        lane.widths[rank] = rank % 2 == 0 ? pair & 15 : pair >> 4;
        seen |= 1U << lane.widths[rank];
    }
    if (seen != 0xff) return broken(index, "the code book is no order of the widths 0 to 7");
    lane.position = k_block_bits;
    lane.buffer.clear();
    return std::nullopt;
}

Check WeightDecoder::read(uint64_t offset, std::span<std::byte> bytes) {
    if (!started_ || offset + k_tile < tile_end_)
        if (Check fault = restart()) return fault;
    while (!bytes.empty()) {
        while (tile_end_ <= offset)
            if (Check fault = decode_tile()) return fault;
        const auto from = static_cast<size_t>(offset + k_tile - tile_end_);
        const size_t count = std::min(bytes.size(), k_tile - from);
        std::memcpy(bytes.data(), tile_.data() + from, count);
        bytes = bytes.subspan(count);
        offset += count;
    }
    return std::nullopt;
}

Check WeightDecoder::decode_tile() {
    for (size_t lane = 0; lane < k_lanes; ++lane) {
        const size_t parity = lane / 8;
        const size_t quad = lane % 8;
        for (size_t half = 0; half < 2; ++half)
            for (size_t group = 0; group < 8; ++group)
                for (size_t i = 0; i < 4; ++i)
                    if (Check fault = decode_weight(
                            lanes_[lane],
                            tile_[half * 512 + (group * 2 + parity) * 32 + quad * 4 + i]))
                        return fault;
    }
    tile_end_ += k_tile;
    return std::nullopt;
}

/// The next 16 bits of the lane; zeros behind its end.
Check WeightDecoder::peek(Lane& lane, uint32_t& bits) {
    const uint64_t byte = lane.position / 8;
    const Iova wanted = lane.start + byte;
    if (wanted < lane.buffer_start || wanted + 3 > lane.buffer_start + lane.buffer.size()) {
        const uint64_t left = lane.bits / 8 - byte;
        const auto count = static_cast<size_t>(std::min<uint64_t>(k_buffer_bytes, left));
        lane.buffer.assign(count + (count == left ? 2 : 0), std::byte{0});
        const auto coded = std::span(lane.buffer).first(count);
        if (const auto fault = bus_.read(wanted, coded))
            return read_fault(npu::Block::Cna, *fault, "compressed weights");
        lane.buffer_start = wanted;
    }
    const size_t at = static_cast<size_t>(wanted - lane.buffer_start);
    uint32_t word = 0;
    for (size_t i = 0; i < 3; ++i) word |= static_cast<uint32_t>(lane.buffer[at + i]) << (8 * i);
    bits = word >> (lane.position % 8);
    return std::nullopt;
}

Check WeightDecoder::decode_weight(Lane& lane, std::byte& weight) {
    const size_t index = static_cast<size_t>(&lane - lanes_.data());
    if (lane.position >= lane.bits) return broken(index, "it ends before the weights do");
    uint32_t bits = 0;
    if (Check fault = peek(lane, bits)) return fault;
    const uint32_t rank = rank_of(bits);
    const uint32_t prefix = k_prefix_bits[rank];
    const uint32_t width = lane.widths[rank];
    const uint32_t below = width > 1 ? width - 1 : 0;
    const bool negative = (bits >> prefix) & 1;
    const uint32_t low = (bits >> (prefix + 1)) & ((1U << below) - 1);
    const uint32_t magnitude = width == 0 ? 0 : (1U << below) | low;
    lane.position += prefix + 1 + below;
    if (lane.position > lane.bits) return broken(index, "it ends inside a weight");
    const uint32_t residual = negative ? ~magnitude : magnitude;
    weight = static_cast<std::byte>(lane.modal + residual);
    return std::nullopt;
}

}  // namespace rosenblatt::emulator
