// SPDX-License-Identifier: MIT
// CorruptingPort: a kernel whose jobs write wrong results. When a job is done and its output is
// handed to the CPU, some of its tiles are spoiled in memory. It finds them by reading the
// job's own register streams, and knows nothing of the engine.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <span>
#include <vector>

#include "base/kernel_port.hpp"

namespace rosenblatt::matmul {

enum class Corruption {
    Bit,    ///< one bit of one element
    Bits,   ///< several
    Stale,  ///< a tile of an earlier job of the same size
    Swap,   ///< two tiles of the job exchanged
    Shift,  ///< the tile's rows moved by some rows, wrapping
};
inline constexpr size_t k_corruptions = 5;

class CorruptingPort final : public KernelPort {
  public:
    /// Of all jobs `share` is spoiled, those of one lane never more than twice in a row: a lane
    /// that fails three times is taken out and would get no more jobs.
    CorruptingPort(std::unique_ptr<KernelPort> port, uint64_t seed, double share)
        : port_(std::move(port)), random_(seed), share_(share) {}

    int open(const char* path, int flags) override { return port_->open(path, flags); }
    int close(int fd) override { return port_->close(fd); }
    int ioctl(int fd, unsigned long request, void* arg) override;
    int mmap(int fd, size_t length, uint64_t offset, void** address) override;
    int munmap(void* address, size_t length) override { return port_->munmap(address, length); }

    uint64_t spoiled(Corruption kind) const { return spoiled_[static_cast<size_t>(kind)]; }
    uint64_t spoiled() const;

  private:
    struct Buffer {
        uint64_t iova = 0;
        uint64_t offset = 0;  ///< for mmap
        std::span<std::byte> memory;
    };
    /// What one task writes: a cube [n/4][m][4] of 4-byte elements.
    struct Tile {
        std::span<std::byte> memory;
        uint32_t m = 0;
    };
    using Job = std::vector<Tile>;
    using Key = std::pair<int, uint32_t>;  ///< file and BO handle

    void remember_jobs(int fd, const void* submit);
    Job tiles_of(int fd, const void* job);
    std::span<std::byte> at(int fd, uint32_t iova, size_t size);
    void spoil(const Job& job);
    bool apply(Corruption kind, const Job& job, const Tile& tile);
    bool shift(const Tile& tile);
    const std::vector<std::byte>* earlier(size_t size);

    std::unique_ptr<KernelPort> port_;
    std::mutex mutex_;
    std::mt19937_64 random_;
    double share_;
    std::map<Key, Buffer> buffers_;
    std::map<int, std::vector<Job>> waiting_;  ///< per file: submitted, not yet looked at
    std::map<int, unsigned> in_a_row_;
    std::vector<std::vector<std::byte>> earlier_;  ///< outputs of right tiles
    uint64_t spoiled_[k_corruptions] = {};
};

}  // namespace rosenblatt::matmul
