// SPDX-License-Identifier: MIT
#include "ggml/packed_cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/log.hpp"
#include "base/unique_fd.hpp"
#include "ggml/cache_file.hpp"
#include "ggml/log_sink.hpp"

namespace rosenblatt::ggml {
namespace {

namespace fs = std::filesystem;

constexpr size_t k_chunk = size_t{1} << 18;  // hashed and read as one: stays in a core's cache
constexpr uint32_t k_version = 2;
constexpr const char* k_suffix = ".packed";

struct Head {
    char magic[8] = {'R', 'B', 'P', 'A', 'C', 'K', 'E', 'D'};
    uint32_t version = k_version;
    uint32_t parts = 0;
    PackedCache::Key key;
    uint64_t bytes = 0;  // of all parts
    PackedCache::Key content;

    bool operator==(const Head& other) const = default;
};

struct Chunk {
    std::span<std::byte> memory;
    uint64_t offset = 0;  // in the file
};

std::vector<Chunk> chunks_of(const PackedCache::Parts& parts) {
    std::vector<Chunk> chunks;
    uint64_t offset = sizeof(Head);
    for (const auto& part : parts)
        for (size_t at = 0; at < part.size(); at += k_chunk) {
            const auto memory = part.subspan(at, std::min(k_chunk, part.size() - at));
            chunks.push_back({memory, offset});
            offset += memory.size();
        }
    return chunks;
}

PackedCache::Key hash_of(std::span<const uint64_t> hashes, const std::string& text = {}) {
    XXH3_state_t state;
    XXH3_128bits_reset(&state);
    XXH3_128bits_update(&state, hashes.data(), hashes.size_bytes());
    XXH3_128bits_update(&state, text.data(), text.size());
    const XXH128_hash_t hash = XXH3_128bits_digest(&state);
    return {hash.low64, hash.high64};
}

uint64_t hash_of(std::span<const std::byte> bytes) {
    return XXH3_64bits(bytes.data(), bytes.size());
}

Head head_of(const PackedCache::Key& key, const PackedCache::Parts& parts) {
    Head head;
    head.parts = static_cast<uint32_t>(parts.size());
    head.key = key;
    for (const auto& part : parts) head.bytes += part.size();
    return head;
}

bool read_all(int fd, std::span<std::byte> memory, uint64_t offset) {
    while (!memory.empty()) {
        const ssize_t got = pread(fd, memory.data(), memory.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        memory = memory.subspan(static_cast<size_t>(got));
        offset += static_cast<uint64_t>(got);
    }
    return true;
}

// The hash of what was read; nothing when the file ends too early.
bool read_parts(int fd, const PackedCache::Parts& parts, const matmul::ParallelFor& parallel_for,
                PackedCache::Key& content) {
    const std::vector<Chunk> chunks = chunks_of(parts);
    std::vector<uint64_t> hashes(chunks.size());
    std::atomic<bool> whole{true};
    parallel_for(static_cast<int64_t>(chunks.size()), [&](int64_t begin, int64_t end) {
        for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end) && whole; ++i) {
            if (!read_all(fd, chunks[i].memory, chunks[i].offset)) whole = false;
            hashes[i] = hash_of(chunks[i].memory);
        }
    });
    content = hash_of(hashes);
    return whole;
}

}  // namespace

std::string PackedCache::Key::text() const {
    char digits[33];
    std::snprintf(digits, sizeof digits, "%016llx%016llx", static_cast<unsigned long long>(high),
                  static_cast<unsigned long long>(low));
    return digits;
}

std::string PackedCache::path_of(const Key& key) const {
    return folder_ + "/" + key.text() + k_suffix;
}

PackedCache::Key PackedCache::key_of(std::span<const std::byte> weight, const std::string& layout,
                                     const matmul::ParallelFor& parallel_for) {
    std::vector<uint64_t> hashes((weight.size() + k_chunk - 1) / k_chunk);
    parallel_for(static_cast<int64_t>(hashes.size()), [&](int64_t begin, int64_t end) {
        for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i)
            hashes[i] = hash_of(
                weight.subspan(i * k_chunk, std::min(k_chunk, weight.size() - i * k_chunk)));
    });
    return hash_of(hashes, layout + "/" + std::to_string(weight.size()));
}

PackedCache::Loaded PackedCache::load(const Key& key, const Parts& parts,
                                      const matmul::ParallelFor& parallel_for) const {
    if (!on()) return Loaded::NotThere;
    const std::string path = path_of(key);
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) return Loaded::NotThere;
    Head head;
    Head expected = head_of(key, parts);
    struct stat status {};
    const bool fits = read_all(file.get(), std::as_writable_bytes(std::span(&head, 1)), 0) &&
                      fstat(file.get(), &status) == 0 &&
                      static_cast<uint64_t>(status.st_size) == sizeof(Head) + expected.bytes &&
                      read_parts(file.get(), parts, parallel_for, expected.content) &&
                      head == expected;
    if (!fits) return Loaded::Unusable;
    futimens(file.get(), nullptr);  // used now
    return Loaded::Yes;
}

void PackedCache::store(const Key& key, const Parts& parts,
                        const matmul::ParallelFor& parallel_for) const {
    if (!on()) return;
    const std::vector<Chunk> chunks = chunks_of(parts);
    std::vector<uint64_t> hashes(chunks.size());
    parallel_for(static_cast<int64_t>(chunks.size()), [&](int64_t begin, int64_t end) {
        for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i)
            hashes[i] = hash_of(chunks[i].memory);
    });
    Head head = head_of(key, parts);
    head.content = hash_of(hashes);
    if (!make_room(sizeof(Head) + head.bytes)) return;
    std::vector<std::span<const std::byte>> pieces{std::as_bytes(std::span(&head, 1))};
    pieces.insert(pieces.end(), parts.begin(), parts.end());
    if (const auto written = write_whole(path_of(key), pieces); !written)
        inform_once("packed weights are not kept: " + written.error().message);
}

// False when a file of that size has no place here at all.
bool PackedCache::make_room(uint64_t bytes) const {
    if (bytes > max_bytes_) return false;
    struct File {
        fs::file_time_type used;
        uint64_t bytes;
        fs::path path;
    };
    std::vector<File> files;
    uint64_t sum = bytes;
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(folder_, failed)) {
        if (entry.path().extension() != k_suffix) continue;
        std::error_code gone;
        const File file{entry.last_write_time(gone), entry.file_size(gone), entry.path()};
        if (gone) continue;
        sum += file.bytes;
        files.push_back(file);
    }
    std::sort(files.begin(), files.end(),
              [](const File& a, const File& b) { return a.used < b.used; });
    for (const File& file : files) {
        if (sum <= max_bytes_) break;
        fs::remove(file.path, failed);
        sum -= file.bytes;
    }
    return true;
}

}  // namespace rosenblatt::ggml
