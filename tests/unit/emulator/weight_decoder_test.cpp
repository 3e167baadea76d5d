// SPDX-License-Identifier: MIT
// DCOMP: weights coded here, from the description of hardware.md 5.9, and multiplied by the
// emulator.
#include <gtest/gtest.h>

#include <bit>

#include "support/emulator_bench.hpp"

namespace rosenblatt::emulator {
namespace {

using testing::Matmul;
using testing::MatmulShape;
using testing::MemoryBus;

constexpr uint32_t k_patterns[8] = {0, 1, 7, 3, 6, 10, 18, 2};
constexpr uint32_t k_lengths[8] = {2, 2, 3, 3, 3, 4, 5, 5};

struct Coded {
    std::vector<uint8_t> bytes;
    uint32_t blocks[16] = {};
};

class BitWriter {
  public:
    explicit BitWriter(std::vector<uint8_t>& bytes) : bytes_(bytes) {}
    void put(uint32_t value, uint32_t count) {
        for (uint32_t i = 0; i < count; ++i, ++position_) {
            if (position_ / 8 >= bytes_.size()) bytes_.push_back(0);
            bytes_[position_ / 8] |= static_cast<uint8_t>(((value >> i) & 1) << position_ % 8);
        }
    }
    void skip(uint64_t bits) { position_ += bits; }

  private:
    std::vector<uint8_t>& bytes_;
    uint64_t position_ = 0;
};

/// Codes whole 1 KiB tiles; every lane with its own modal value and a rotated code book.
Coded encode(const std::byte* weights, size_t size) {
    Coded coded;
    for (uint32_t lane = 0; lane < 16; ++lane) {
        std::vector<uint8_t> bytes(16);
        const auto modal = static_cast<uint8_t>(lane * 3);
        bytes[1] = modal;
        for (uint32_t rank = 0; rank < 8; ++rank)
            bytes[4 + rank / 2] |= static_cast<uint8_t>(((rank + lane) % 8) << (rank % 2 * 4));
        BitWriter writer(bytes);
        writer.skip(128);
        for (size_t tile = 0; tile < size; tile += 1024)
            for (uint32_t half = 0; half < 2; ++half)
                for (uint32_t group = 0; group < 8; ++group)
                    for (uint32_t i = 0; i < 4; ++i) {
                        const size_t at =
                            tile + half * 512 + (group * 2 + lane / 8) * 32 + lane % 8 * 4 + i;
                        const auto residual =
                            static_cast<uint8_t>(static_cast<uint8_t>(weights[at]) - modal);
                        const bool negative = residual >= 128;
                        const uint32_t magnitude = negative ? 255U - residual : residual;
                        const auto width = static_cast<uint32_t>(std::bit_width(magnitude));
                        const uint32_t rank = (width + 8 - lane % 8) % 8;
                        writer.put(k_patterns[rank], k_lengths[rank]);
                        writer.put(negative, 1);
                        if (width > 1) writer.put(magnitude, width - 1);
                    }
        bytes.resize((bytes.size() + 15) / 16 * 16);
        coded.blocks[lane] = static_cast<uint32_t>(bytes.size() / 16 - 1);
        bytes.resize((bytes.size() + 63) / 64 * 64);
        coded.bytes.insert(coded.bytes.end(), bytes.begin(), bytes.end());
    }
    return coded;
}

TaskOutcome run_compressed(const MatmulShape& shape, size_t& wrong, bool truncated = false) {
    Core core{0};
    MemoryBus bus;
    Matmul matmul(bus, shape, 5);
    const Coded coded = encode(matmul.b, size_t{shape.k} * shape.n);
    std::memcpy(bus.map(0x4000000, coded.bytes.size()), coded.bytes.data(), coded.bytes.size());
    auto stream = testing::matmul_stream(shape).set(0x1100, 1).set(0x1104, 0x55555555);
    stream.set(0x1110, 0x4000000);
    for (uint32_t lane = 0; lane < 16; ++lane)
        stream.set(0x1140 + 4 * lane, coded.blocks[lane] - (truncated ? 4 : 0));
    TaskOutcome outcome = run(core, bus, stream.tail(0xd));
    wrong = matmul.mismatches();
    return outcome;
}

TEST(WeightDecoder, DecompressesResidentAndStreamedWeights) {
    for (const MatmulShape shape : {MatmulShape{3, 64, 32}, MatmulShape{5, 2048, 256}}) {
        size_t wrong = 1;
        const TaskOutcome outcome = run_compressed(shape, wrong);
        ASSERT_EQ(outcome.completion, Completion::Done) << outcome.fault->sentence;
        EXPECT_EQ(wrong, 0U);
    }
}

TEST(WeightDecoder, ALaneThatEndsEarlyIsAFault) {
    size_t wrong = 0;
    const TaskOutcome outcome = run_compressed({3, 256, 64}, wrong, true);
    EXPECT_EQ(outcome.completion, Completion::Hung);
    EXPECT_EQ(outcome.fault->kind, FaultKind::StreamRejected) << outcome.fault->sentence;
}

}  // namespace
}  // namespace rosenblatt::emulator
