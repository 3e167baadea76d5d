// SPDX-License-Identifier: MIT
// fuzz_corpus DIR: the inputs that the fuzz programs start from, made from what the repository
// holds: Mesa's recorded streams, our own, both with single registers changed, and their texts.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "compile/emit_matmul.hpp"
#include "regcmd/disassemble.hpp"
#include "support/stream_input.hpp"
#include "support/vector.hpp"

namespace {

namespace fs = std::filesystem;
using namespace rosenblatt;
using testing::StreamInput;

constexpr size_t k_patch_limit = 8192;

std::string bytes_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// One folder of inputs for one program.
class Corpus {
  public:
    explicit Corpus(const fs::path& folder) : folder_(folder) { fs::create_directories(folder_); }
    void add(std::string_view bytes) const { testing::write_input(folder_.string(), bytes); }

  private:
    fs::path folder_;
};

/// The stream, and copies with one register changed each: every third one, another third for each
/// seed.
void add_changed(const Corpus& corpus, const StreamInput& input, uint32_t seed) {
    std::mt19937_64 random(seed);
    StreamInput again = input;
    corpus.add(testing::to_bytes(again));
    for (size_t i = seed % 3; i < input.words.size(); i += 3) {
        again = input;
        again.switches = static_cast<uint8_t>(random());
        again.rounding = static_cast<uint8_t>(random());
        if (random() % 4 == 0) again.holes = static_cast<uint16_t>(random());
        again.words[i] ^= random() % 3 != 0 ? uint64_t{1} << (16 + random() % 32) : random();
        corpus.add(testing::to_bytes(again));
    }
}

std::vector<std::vector<uint64_t>> our_streams() {
    using npu::Element;
    std::vector<std::vector<uint64_t>> all;
    for (const uint32_t m : {1U, 8U, 64U}) {
        compile::MatmulTask task{
            .m = m,
            .k = 256,
            .n = 64,
            .data_banks = 1,
            .weight_banks = 11,
            .features = compile::native_features(m),
            .output = compile::native_results(Element::Int8, Element::Int32, m),
            .feature_address = 0x100000,
            .weight_address = 0x200000,
            .output_address = 0x300000};
        all.push_back(compile::emit_matmul(task));
        task.data_reuse = true;
        const auto reusing = compile::emit_matmul(task);
        all.push_back(all.back());
        all.back().insert(all.back().end(), reusing.begin(), reusing.end());
        task.data_reuse = false;
        task.operand = Element::Fp16;
        task.result = Element::Fp32;
        task.output = compile::native_results(Element::Fp16, Element::Fp32, m);
        all.push_back(compile::emit_matmul(task));
    }
    return all;
}

void add_streams(const fs::path& folder) {
    const Corpus streams(folder / "fuzz_stream");
    const Corpus texts(folder / "fuzz_assemble");
    uint32_t seed = 0;
    for (const test::Vector& vector : test::load_vectors()) {
        StreamInput input;
        for (const auto& task : vector.tasks) {
            if (input.words.size() + task.size() > 600) break;
            input.words.insert(input.words.end(), task.begin(), task.end());
        }
        for (const test::VectorBo& bo : vector.bos)
            if (!bo.bytes.empty() && bo.bytes.size() <= k_patch_limit)
                input.patches.push_back({static_cast<uint32_t>(bo.iova), bo.bytes});
        texts.add(regcmd::disassemble(input.words));
        input.patches.resize(std::min<size_t>(input.patches.size(), 2));
        StreamInput bare = input;
        bare.patches.clear();
        streams.add(testing::to_bytes(input));
        add_changed(streams, bare, ++seed);
    }
    for (const auto& words : our_streams()) {
        StreamInput input;
        input.words = words;
        texts.add(regcmd::disassemble(words, regcmd::Hex::AsComment));
        add_changed(streams, input, ++seed);
    }
}

void add_texts(const fs::path& folder) {
    const Corpus texts(folder / "fuzz_assemble");
    for (const fs::path place : {"tests/golden/regcmd", "tests/cli/data"})
        for (const auto& entry :
             fs::recursive_directory_iterator(fs::path(ROSENBLATT_SOURCE_DIR) / place))
            if (entry.path().extension() == ".txt" || entry.path().extension() == ".hex")
                texts.add(bytes_of(entry.path()).substr(0, 4096));
    for (const char* text :
         {"strict=on", "out-cvt-rounding=half-even", "work-limit=12", "hang:job=1",
          "flip:job=2,bit=17,lane=1;slow:x=2.5", "enospc:bo=3;stale:job=4;swap:job=5",
          "WORD 0x0123456789abcdef\nNOP\nMARKER\nENABLE cna=1 core=1 dpu=1\n"})
        texts.add(text);
}

void add_manifests(const fs::path& folder) {
    const Corpus manifests(folder / "fuzz_manifest");
    for (const auto& entry :
         fs::directory_iterator(fs::path(ROSENBLATT_SOURCE_DIR) / "tests/data/mesa-conv"))
        manifests.add(bytes_of(entry.path() / "manifest.json"));
    for (
        const char* text :
        {R"({"bos":[{"handle":1,"size":4096,"dma":0,"file":null}],"submits":[{"jobs":[{"in":[1],"out":[1],)"
         R"("tasks":[{"regcmd":0,"count":108}]}]}]})",
         R"({"bos":[],"submits":[]})", R"({"bos":[{"handle":-1}],"submits":{}})"})
        manifests.add(text);
}

void add_gguf(const fs::path& folder) {
    const Corpus heads(folder / "fuzz_gguf");
    const std::string model =
        bytes_of(fs::path(ROSENBLATT_SOURCE_DIR) / "models/rosenblatt-kjv-f16.gguf");
    std::string small("GGUF\x03\0\0\0", 8);  // one tensor, one number
    const auto put = [&small](uint64_t value, size_t size) {
        for (size_t i = 0; i < size; ++i) small.push_back(static_cast<char>(value >> 8 * i));
    };
    put(1, 8), put(3, 8);
    put(1, 8), small += "a", put(4, 4), put(7, 4);
    put(1, 8), small += "b", put(9, 4), put(8, 4), put(1, 8), put(2, 8), small += "xy";
    put(1, 8), small += "c", put(8, 4), put(2, 8), small += "xy";
    put(1, 8), small += "w", put(2, 4), put(32, 8), put(64, 8), put(1, 4), put(0, 8);
    heads.add(small);
    heads.add(std::string_view(model).substr(0, 4096));
}

/// Their inputs are numbers without a form; noise does as well as anything, in several lengths.
void add_noise(const fs::path& folder) {
    std::mt19937_64 random(1);
    for (const char* const name : {"fuzz_ioctl", "fuzz_shapes"}) {
        const Corpus corpus(folder / name);
        for (int i = 0; i < 200; ++i) {
            std::string bytes(16U << i % 7, '\0');
            for (char& byte : bytes) byte = static_cast<char>(random());
            corpus.add(bytes);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: fuzz_corpus DIR\n", stderr);
        return 2;
    }
    const fs::path folder = argv[1];
    add_streams(folder);
    add_texts(folder);
    add_manifests(folder);
    add_gguf(folder);
    add_noise(folder);
    return 0;
}
