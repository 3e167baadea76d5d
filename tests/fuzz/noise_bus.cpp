// SPDX-License-Identifier: MIT
#include "noise_bus.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>

namespace rosenblatt::fuzz {
namespace {

/// Splitmix64: every bit of the result depends on every bit of `value`.
uint64_t mixed(uint64_t value) {
    value += 0x9e3779b97f4a7c15;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
}

}  // namespace

NoiseBus::NoiseBus() : present_(k_end / k_page, false) {
    void* const mapped = ::mmap(nullptr, k_end, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) std::abort();
    memory_ = static_cast<std::byte*>(mapped);
}

NoiseBus::~NoiseBus() {
    ::munmap(memory_, k_end);
}

void NoiseBus::restart(const testing::StreamInput& input, bool views) {
    for (const uint64_t page : touched_) present_[page] = false;
    touched_.clear();
    written_.clear();
    seed_ = input.seed;
    holes_ = input.holes;
    views_ = views;
    for (const testing::MemoryPatch& patch : input.patches) put(patch.iova, patch.bytes);
}

bool NoiseBus::is_hole(uint64_t page) const {
    return holes_ != 0 && mixed(page ^ uint64_t{holes_} << 40) % 64 == 0;
}

bool NoiseBus::touch(uint64_t page) {
    if (page >= present_.size() || is_hole(page)) return false;
    if (present_[page]) return true;
    if (touched_.size() == k_most_pages) return false;
    present_[page] = true;
    touched_.push_back(page);
    uint64_t state = mixed(page ^ uint64_t{seed_} << 32);
    for (uint64_t at = page * k_page; at < (page + 1) * k_page; at += 8) {
        std::memcpy(memory_ + at, &state, 8);
        state = state * 6364136223846793005 + 1442695040888963407;
    }
    return true;
}

size_t NoiseBus::mapped(uint64_t iova, size_t size) {
    size_t have = 0;
    while (have < size && touch((iova + have) / k_page))
        have += std::min<size_t>(size - have, k_page - (iova + have) % k_page);
    return have;
}

std::optional<emulator::Iova> NoiseBus::read(emulator::Iova iova, std::span<std::byte> bytes) {
    const size_t have = mapped(iova, bytes.size());
    if (have != 0) std::memcpy(bytes.data(), memory_ + iova, have);
    return have < bytes.size() ? std::optional(iova + have) : std::nullopt;
}

std::optional<emulator::Iova> NoiseBus::write(emulator::Iova iova,
                                              std::span<const std::byte> bytes) {
    const size_t have = mapped(iova, bytes.size());
    if (have != 0) std::memcpy(memory_ + iova, bytes.data(), have);
    for (uint64_t page = iova / k_page; page * k_page < iova + have; ++page) written_.insert(page);
    return have < bytes.size() ? std::optional(iova + have) : std::nullopt;
}

const std::byte* NoiseBus::view(emulator::Iova iova, size_t size) {
    if (!views_ || size == 0 || mapped(iova, size) < size) return nullptr;
    return memory_ + iova;
}

void NoiseBus::put(uint64_t iova, std::span<const uint8_t> bytes) {
    (void)write(iova, std::as_bytes(bytes));
}

uint64_t NoiseBus::hash_of_written() const {
    uint64_t sum = 0;
    for (const uint64_t page : written_)
        for (uint64_t at = page * k_page; at < (page + 1) * k_page; at += 8) {
            uint64_t word = 0;
            std::memcpy(&word, memory_ + at, 8);
            sum = (sum ^ word ^ at) * 0x9e3779b97f4a7c15;
        }
    return sum;
}

}  // namespace rosenblatt::fuzz
