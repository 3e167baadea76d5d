// SPDX-License-Identifier: MIT
#include "corrupting_port.hpp"

#include <algorithm>
#include <numeric>

#include "drm/rocket_accel.h"
#include "npu/registers.hpp"
#include "regcmd/word.hpp"

namespace rosenblatt::matmul {
namespace {

constexpr size_t k_atom = 16;
constexpr size_t k_most_earlier = 64;
constexpr unsigned k_most_in_a_row = 2;

template <typename T>
std::span<const T> array(uint64_t user_pointer, size_t count) {
    return {reinterpret_cast<const T*>(user_pointer), count};
}

}  // namespace

uint64_t CorruptingPort::spoiled() const {
    return std::accumulate(std::begin(spoiled_), std::end(spoiled_), uint64_t{0});
}

int CorruptingPort::ioctl(int fd, unsigned long request, void* arg) {
    const int result = port_->ioctl(fd, request, arg);
    if (result < 0) return result;
    const std::lock_guard lock(mutex_);
    if (request == DRM_IOCTL_ROCKET_CREATE_BO) {
        const auto& create = *static_cast<const drm_rocket_create_bo*>(arg);
        buffers_[{fd, create.handle}] = {create.dma_address, create.offset, {}};
    }
    if (request == DRM_IOCTL_ROCKET_GEM_CLOSE)
        buffers_.erase({fd, static_cast<const drm_rocket_gem_close*>(arg)->handle});
    if (request == DRM_IOCTL_ROCKET_SUBMIT) remember_jobs(fd, arg);
    if (request == DRM_IOCTL_ROCKET_PREP_BO) {  // it waited: the jobs are done
        for (const Job& job : waiting_[fd]) {
            const bool now = std::generate_canonical<double, 32>(random_) < share_;
            unsigned& in_a_row = in_a_row_[fd];
            in_a_row = now && in_a_row < k_most_in_a_row ? in_a_row + 1 : 0;
            if (in_a_row > 0) spoil(job);
        }
        waiting_[fd].clear();
    }
    return result;
}

int CorruptingPort::mmap(int fd, size_t length, uint64_t offset, void** address) {
    const int result = port_->mmap(fd, length, offset, address);
    const std::lock_guard lock(mutex_);
    if (result >= 0)
        for (auto& [key, buffer] : buffers_)
            if (key.first == fd && buffer.offset == offset)
                buffer.memory = {static_cast<std::byte*>(*address), length};
    return result;
}

void CorruptingPort::remember_jobs(int fd, const void* arg) {
    const auto& submit = *static_cast<const drm_rocket_submit*>(arg);
    for (const drm_rocket_job& job : array<drm_rocket_job>(submit.jobs, submit.job_count))
        waiting_[fd].push_back(tiles_of(fd, &job));
}

CorruptingPort::Job CorruptingPort::tiles_of(int fd, const void* arg) {
    const auto& job = *static_cast<const drm_rocket_job*>(arg);
    Job tiles;
    for (const drm_rocket_task& task : array<drm_rocket_task>(job.tasks, job.task_count)) {
        const auto stream = at(fd, task.regcmd, task.regcmd_count * sizeof(uint64_t));
        uint32_t address = 0, m = 0, n = 0;
        for (const uint64_t bits : std::span(reinterpret_cast<const uint64_t*>(stream.data()),
                                             stream.size() / sizeof(uint64_t))) {
            const regcmd::Word word{bits};
            if (word.offset() == npu::dpu::DST_BASE_ADDR::offset) address = word.value();
            if (word.offset() == npu::dpu::DATA_CUBE_HEIGHT::offset) m = word.value() + 1;
            if (word.offset() == npu::dpu::DATA_CUBE_CHANNEL::offset)
                n = (word.value() & 0x1fff) + 1;
        }
        tiles.push_back({at(fd, address, size_t{m} * n * 4), m});
    }
    return tiles;
}

std::span<std::byte> CorruptingPort::at(int fd, uint32_t iova, size_t size) {
    for (auto& [key, buffer] : buffers_)
        if (key.first == fd && buffer.iova <= iova &&
            iova + size <= buffer.iova + buffer.memory.size())
            return buffer.memory.subspan(iova - buffer.iova, size);
    return {};
}

/// Tries kinds until one changes a byte; what was right is kept for later.
void CorruptingPort::spoil(const Job& job) {
    const Tile& tile = job[random_() % job.size()];
    if (tile.memory.empty()) return;
    const std::vector<std::byte> right(tile.memory.begin(), tile.memory.end());
    for (int attempt = 0; attempt < 20; ++attempt) {
        const auto kind = static_cast<Corruption>(random_() % k_corruptions);
        if (!apply(kind, job, tile)) continue;
        spoiled_[static_cast<size_t>(kind)] += 1;
        break;
    }
    if (earlier_.size() < k_most_earlier)
        earlier_.push_back(right);
    else
        earlier_[random_() % k_most_earlier] = right;
}

const std::vector<std::byte>* CorruptingPort::earlier(size_t size) {
    const size_t first = earlier_.empty() ? 0 : random_() % earlier_.size();
    for (size_t i = 0; i < earlier_.size(); ++i)
        if (const auto& tile = earlier_[(first + i) % earlier_.size()]; tile.size() == size)
            return &tile;
    return nullptr;
}

bool CorruptingPort::apply(Corruption kind, const Job& job, const Tile& tile) {
    const auto flip = [&] {
        const uint64_t bit = random_() % (tile.memory.size() * 8);
        tile.memory[bit / 8] ^= std::byte{1} << (bit % 8);
    };
    const auto same = [&](std::span<const std::byte> other) {
        return std::equal(tile.memory.begin(), tile.memory.end(), other.begin(), other.end());
    };
    switch (kind) {
        case Corruption::Bit:
            return flip(), true;
        case Corruption::Bits:
            for (uint64_t count = 3 + 2 * (random_() % 20); count > 0; --count) flip();
            return true;
        case Corruption::Stale: {
            const auto* other = earlier(tile.memory.size());
            if (!other || same(*other)) return false;
            std::copy(other->begin(), other->end(), tile.memory.begin());
            return true;
        }
        case Corruption::Swap: {
            const size_t first = random_() % job.size();
            for (size_t i = 0; i < job.size(); ++i) {
                const Tile& other = job[(first + i) % job.size()];
                if (other.memory.size() != tile.memory.size() || same(other.memory)) continue;
                std::swap_ranges(tile.memory.begin(), tile.memory.end(), other.memory.begin());
                return true;
            }
            return false;
        }
        case Corruption::Shift:
            return shift(tile);
    }
    return false;
}

bool CorruptingPort::shift(const Tile& tile) {
    if (tile.m < 2) return false;
    const auto rows = static_cast<std::ptrdiff_t>(1 + random_() % (tile.m - 1));
    const std::vector<std::byte> before(tile.memory.begin(), tile.memory.end());
    for (size_t at = 0; at < tile.memory.size(); at += tile.m * k_atom) {
        const auto begin = tile.memory.begin() + static_cast<std::ptrdiff_t>(at);
        std::rotate(begin, begin + rows * static_cast<std::ptrdiff_t>(k_atom),
                    begin + static_cast<std::ptrdiff_t>(tile.m * k_atom));
    }
    return !std::equal(before.begin(), before.end(), tile.memory.begin());
}

}  // namespace rosenblatt::matmul
