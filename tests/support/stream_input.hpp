// SPDX-License-Identifier: MIT
// What tests/fuzz/fuzz_stream reads: switches, the words of some tasks, and memory where its
// content matters. ROSENBLATT_FUZZ_CORPUS=DIR makes every stream that a test kicks such a file.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/switches.hpp"

namespace rosenblatt::testing {

/// Bytes that lie at an IOVA before the first task; all other memory is noise.
struct MemoryPatch {
    uint32_t iova = 0;
    std::vector<uint8_t> bytes{};
};

struct StreamInput {
    uint8_t switches = 0;  ///< strict, poison, and which of the doubtful switches are turned
    uint8_t rounding = 0;  ///< OutCvtRounding
    uint16_t holes = 0;    ///< where not 0, every 64th page is unmapped; which ones, it decides
    uint32_t seed = 0;     ///< of the noise
    std::vector<uint64_t> words{};
    std::vector<MemoryPatch> patches{};
};

inline constexpr size_t k_stream_header = 10;  // with the number of words, 16 bits

inline StreamInput parse_stream_input(std::span<const uint8_t> bytes) {
    StreamInput input;
    if (bytes.size() < k_stream_header) return input;
    const auto word = [&](size_t at, size_t size) {
        uint64_t value = 0;
        for (size_t i = 0; i < size && at + i < bytes.size(); ++i)
            value |= uint64_t{bytes[at + i]} << 8 * i;
        return value;
    };
    input.switches = bytes[0];
    input.rounding = bytes[1];
    input.holes = static_cast<uint16_t>(word(2, 2));
    input.seed = static_cast<uint32_t>(word(4, 4));
    size_t at = k_stream_header;
    for (uint64_t i = word(8, 2); i > 0 && at + 8 <= bytes.size(); --i, at += 8)
        input.words.push_back(word(at, 8));
    while (at + 6 < bytes.size()) {
        const size_t end = std::min<size_t>(at + 6 + word(at + 4, 2), bytes.size());
        input.patches.push_back({static_cast<uint32_t>(word(at, 4)),
                                 {bytes.begin() + static_cast<ptrdiff_t>(at + 6),
                                  bytes.begin() + static_cast<ptrdiff_t>(end)}});
        at = end;
    }
    return input;
}

inline std::string to_bytes(const StreamInput& input) {
    std::string bytes;
    const auto put = [&](uint64_t value, size_t size) {
        for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(value >> 8 * i));
    };
    put(input.switches, 1);
    put(input.rounding, 1);
    put(input.holes, 2);
    put(input.seed, 4);
    put(input.words.size(), 2);
    for (const uint64_t word : input.words) put(word, 8);
    for (const MemoryPatch& patch : input.patches) {
        put(patch.iova, 4);
        put(patch.bytes.size(), 2);
        bytes.append(patch.bytes.begin(), patch.bytes.end());
    }
    return bytes;
}

inline void write_input(const std::string& folder, std::string_view bytes) {
    const std::string path = folder + "/" + std::to_string(std::hash<std::string_view>{}(bytes));
    std::FILE* const file = std::fopen(path.c_str(), "wb");
    if (file == nullptr) return;
    std::fwrite(bytes.data(), 1, bytes.size(), file);
    std::fclose(file);
}

}  // namespace rosenblatt::testing
