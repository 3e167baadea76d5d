// SPDX-License-Identifier: MIT
// The recorded streams under tests/data/mesa-conv, as tests want them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace rosenblatt::test {

struct VectorBo {
    uint64_t iova;
    uint64_t size;
    std::vector<uint8_t> bytes;  ///< before the submit; empty when the recording has none
};

struct Vector {
    std::string name;
    std::filesystem::path folder;
    std::vector<VectorBo> bos;
    std::vector<std::vector<uint64_t>> tasks;  ///< the words of each task of the one job
};

/// All of them, by name. Fails the test (throws) when one cannot be read: they are part of the
/// repository.
std::vector<Vector> load_vectors();

}  // namespace rosenblatt::test
