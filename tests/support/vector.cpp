// SPDX-License-Identifier: MIT
// Reads tests/data/mesa-conv.
#include "support/vector.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace rosenblatt::test {
namespace {

std::vector<uint8_t> bytes_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path.string());
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<uint64_t> words_at(const std::vector<VectorBo>& bos, uint64_t iova, size_t count) {
    for (const VectorBo& bo : bos) {
        if (iova < bo.iova || iova + count * 8 > bo.iova + bo.bytes.size()) continue;
        std::vector<uint64_t> words(count);
        std::memcpy(words.data(), bo.bytes.data() + (iova - bo.iova), count * 8);
        return words;
    }
    throw std::runtime_error("a task lies outside the recorded buffers");
}

Vector load(const std::filesystem::path& folder) {
    std::ifstream file(folder / "manifest.json");
    const auto manifest = nlohmann::json::parse(file);
    Vector vector{folder.filename().string(), folder, {}, {}};
    for (const auto& bo : manifest.at("bos"))
        vector.bos.push_back({bo.at("dma"), bo.at("size"),
                              bo.at("file").is_null()
                                  ? std::vector<uint8_t>{}
                                  : bytes_of(folder / bo.at("file").get<std::string>())});
    for (const auto& submit : manifest.at("submits"))
        for (const auto& job : submit.at("jobs"))
            for (const auto& task : job.at("tasks"))
                vector.tasks.push_back(words_at(vector.bos, task.at("regcmd"), task.at("count")));
    return vector;
}

}  // namespace

std::vector<Vector> load_vectors() {
    std::vector<Vector> vectors;
    for (const auto& entry :
         std::filesystem::directory_iterator(ROSENBLATT_SOURCE_DIR "/tests/data/mesa-conv"))
        vectors.push_back(load(entry.path()));
    std::ranges::sort(vectors, {}, &Vector::name);
    return vectors;
}

}  // namespace rosenblatt::test
