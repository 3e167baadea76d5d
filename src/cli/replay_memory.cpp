// SPDX-License-Identifier: MIT
// One sparse anonymous mapping holds all BOs at the distances of their IOVAs, so gigabytes of
// buffers that nobody touches cost nothing.
#include "cli/replay_memory.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/bits.hpp"

namespace rosenblatt::cli {
namespace {

constexpr uint64_t k_page = 4096;

}  // namespace

Result<std::unique_ptr<ReplayMemory>> ReplayMemory::load(const std::string& folder,
                                                         const ReplayManifest& manifest) {
    std::unique_ptr<ReplayMemory> memory(new ReplayMemory);
    if (auto mapped = memory->map(manifest); !mapped) return mapped.error();
    for (const ReplayBo& bo : manifest.bos) {
        if (!bo.file) continue;
        const auto bytes = read_folder_file(folder, *bo.file, bo.size);
        if (!bytes) return bytes.error();
        if (bytes->size() != bo.size)
            return Error{EINVAL, fmt::format("{}/{} has {} bytes, but BO {} has {}", folder,
                                             *bo.file, bytes->size(), bo.handle, bo.size)};
        std::memcpy(memory->at(bo.iova), bytes->data(), bytes->size());
    }
    return memory;
}

Result<void> ReplayMemory::map(const ReplayManifest& manifest) {
    for (const ReplayBo& bo : manifest.bos) {
        // The kernel maps whole pages; Mesa relies on it.
        const emulator::Iova begin = bo.iova / k_page * k_page;
        const emulator::Iova end = align_up(bo.iova + bo.size, k_page);
        if (!ranges_.empty() && ranges_.back().end >= begin)
            ranges_.back().end = end;
        else
            ranges_.push_back({begin, end});
    }
    if (ranges_.empty()) return {};
    first_ = ranges_.front().begin;
    length_ = ranges_.back().end - first_;
    void* const mapped = ::mmap(nullptr, length_, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED)
        return Error{errno, fmt::format("no address space for {} bytes of BOs: {}", length_,
                                        std::strerror(errno))};
    base_ = static_cast<std::byte*>(mapped);
    return {};
}

ReplayMemory::~ReplayMemory() {
    if (base_ != nullptr) ::munmap(base_, length_);
}

std::span<const std::byte> ReplayMemory::bytes(const ReplayBo& bo) const {
    return {at(bo.iova), bo.size};
}

std::vector<uint64_t> ReplayMemory::words(const ReplayTask& task) {
    if (room(task.regcmd) < uint64_t{task.words} * 8) return {};
    std::vector<uint64_t> words(task.words);
    (void)read(task.regcmd, std::as_writable_bytes(std::span(words)));
    return words;
}

size_t ReplayMemory::room(emulator::Iova iova) const {
    const auto after = std::ranges::upper_bound(ranges_, iova, {}, &Range::begin);
    if (after == ranges_.begin() || std::prev(after)->end <= iova) return 0;
    return std::prev(after)->end - iova;
}

std::optional<emulator::Iova> ReplayMemory::read(emulator::Iova iova, std::span<std::byte> bytes) {
    const size_t size = std::min(room(iova), bytes.size());
    if (size != 0) std::memcpy(bytes.data(), at(iova), size);
    if (size < bytes.size()) return iova + size;
    return std::nullopt;
}

std::optional<emulator::Iova> ReplayMemory::write(emulator::Iova iova,
                                                  std::span<const std::byte> bytes) {
    const size_t size = std::min(room(iova), bytes.size());
    if (size != 0) std::memcpy(at(iova), bytes.data(), size);
    if (size < bytes.size()) return iova + size;
    return std::nullopt;
}

const std::byte* ReplayMemory::view(emulator::Iova iova, size_t size) {
    return room(iova) >= size && size != 0 ? at(iova) : nullptr;
}

}  // namespace rosenblatt::cli
