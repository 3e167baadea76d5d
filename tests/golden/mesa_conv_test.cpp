// SPDX-License-Identifier: MIT
// Mesa's recorded convolutions run on the emulator and compared with TFLite on the CPU: within one
// code, at least 91 % exact. Nobody who wrote the streams knew of the emulator.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "support/emulator_bench.hpp"
#include "support/vector.hpp"

namespace rosenblatt::emulator {
namespace {

using testing::MemoryBus;
using testing::Stream;

std::vector<uint8_t> read_bytes(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// The number after "name=" in params.txt.
uint32_t parameter(const test::Vector& vector, const std::string& name) {
    const auto bytes = read_bytes(vector.folder / "params.txt");
    const std::string text = " " + std::string(bytes.begin(), bytes.end());
    const size_t at = text.find(" " + name + "=");
    return at == std::string::npos ? 0
                                   : static_cast<uint32_t>(std::strtoul(
                                         text.c_str() + at + name.size() + 2, nullptr, 10));
}

/// The vector's BOs as the kernel maps them (whole pages), its tasks run one after the other.
struct Replay {
    MemoryBus bus;
    uint64_t output = 0;

    explicit Replay(const test::Vector& vector) {
        for (const test::VectorBo& bo : vector.bos) {
            std::byte* memory = bus.map(bo.iova, (bo.size + 4095) / 4096 * 4096);
            std::memcpy(memory, bo.bytes.data(), bo.bytes.size());
            if (bo.bytes.empty()) output = bo.iova;  // only the output is all zero before
        }
    }
    void run(const test::Vector& vector, Core& core) {
        for (const auto& words : vector.tasks) {
            Stream stream;
            stream.words = words;
            const TaskOutcome outcome = testing::run(core, bus, stream);
            ASSERT_EQ(outcome.completion, Completion::Done) << outcome.fault->sentence;
        }
    }
    /// uint8 code of an output element: [channels/16][height][width][16], zero point 128.
    std::vector<uint8_t> codes(uint32_t size, uint32_t channels) {
        std::vector<std::byte> cube(size_t{size} * size * ((channels + 15) / 16 * 16));
        bus.read(output, cube);
        std::vector<uint8_t> result;
        for (size_t pixel = 0; pixel < size_t{size} * size; ++pixel)
            for (size_t c = 0; c < channels; ++c)
                result.push_back(static_cast<uint8_t>(
                    static_cast<uint8_t>(cube[(c / 16 * size * size + pixel) * 16 + c % 16]) +
                    128));
        return result;
    }
};

struct Difference {
    int worst = 0;
    size_t exact = 0;
};

Difference compare(const std::vector<uint8_t>& got, const std::vector<uint8_t>& expected) {
    Difference difference;
    for (size_t i = 0; i < expected.size(); ++i) {
        difference.worst = std::max(difference.worst, std::abs(got[i] - expected[i]));
        difference.exact += got[i] == expected[i];
    }
    return difference;
}

class MesaConv : public ::testing::TestWithParam<test::Vector> {};

TEST_P(MesaConv, ComesOutAsTfliteComputesItStrictPlainAndFast) {
    const test::Vector& vector = GetParam();
    const uint32_t size = parameter(vector, "out");
    const uint32_t channels = parameter(vector, "oc");
    const auto expected = read_bytes(vector.folder / "output_cpu0.bin");
    for (const bool fast : {true, false}) {
        Core core{0, {.strict = true, .poison = true, .fast = fast}};
        Replay replay(vector);
        ASSERT_NO_FATAL_FAILURE(replay.run(vector, core));
        const auto codes = replay.codes(size, channels);
        ASSERT_EQ(codes.size(), expected.size());
        const Difference difference = compare(codes, expected);
        EXPECT_LE(difference.worst, 1);
        EXPECT_GE(static_cast<double>(difference.exact), 0.91 * static_cast<double>(codes.size()));
    }
}

TEST_P(MesaConv, AChangedWeightShows) {
    const test::Vector& vector = GetParam();
    const auto expected = read_bytes(vector.folder / "output_cpu0.bin");
    test::Vector changed = vector;
    for (uint8_t& byte : changed.bos.front().bytes) byte ^= 0x40;  // the first BO holds the weights
    Core core{0};
    Replay replay(changed);
    ASSERT_NO_FATAL_FAILURE(replay.run(changed, core));
    const auto codes = replay.codes(parameter(vector, "out"), parameter(vector, "oc"));
    EXPECT_GT(compare(codes, expected).worst, 1);
}

INSTANTIATE_TEST_SUITE_P(All, MesaConv, ::testing::ValuesIn(test::load_vectors()),
                         [](const auto& vector) {
                             std::string name = vector.param.name;
                             for (char& c : name)
                                 if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                             return name;
                         });

}  // namespace
}  // namespace rosenblatt::emulator
