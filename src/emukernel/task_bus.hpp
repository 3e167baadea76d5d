// SPDX-License-Identifier: MIT
// TaskBus: what one task sees of its address space. Its writes are held back until the kernel knows
// how long the task took: a task the watchdog cuts off has written only part of its output.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "emukernel/address_space.hpp"
#include "emulator/bus.hpp"

namespace rosenblatt::emukernel {

/// The bytes a task wrote, in the order it wrote them. Positions count those bytes from 0.
class TaskWrites {
  public:
    /// Forgets what was written. Keeps `mappings`, and with it the memory, as long as the writes.
    void restart(std::shared_ptr<const IovaMap> mappings);
    void append(std::byte* target, std::span<const std::byte> bytes);

    size_t size() const { return after_.size(); }
    /// Makes the first `count` bytes visible. Remembers what they replace when `keep_before`.
    void commit(size_t count, bool keep_before);

    /// For fault injection, after a commit that kept: the visible byte at a position, and the one
    /// it replaced.
    std::byte& visible(size_t position);
    std::byte before(size_t position) const { return before_[position]; }

  private:
    struct Piece {
        size_t position;
        size_t size;
        std::byte* target;
    };
    std::shared_ptr<const IovaMap> mappings_;
    std::vector<Piece> pieces_;
    std::vector<std::byte> after_;
    std::vector<std::byte> before_;
};

class TaskBus final : public emulator::Bus {
  public:
    TaskBus(std::shared_ptr<const IovaMap> mappings, TaskWrites& writes);

    std::optional<emulator::Iova> read(emulator::Iova iova, std::span<std::byte> bytes) override;
    std::optional<emulator::Iova> write(emulator::Iova iova,
                                        std::span<const std::byte> bytes) override;
    const std::byte* view(emulator::Iova iova, size_t size) override;

  private:
    /// The mapped memory from `iova` to the end of its BO; empty when nothing is mapped there.
    std::span<std::byte> at(uint64_t iova);

    std::shared_ptr<const IovaMap> mappings_;
    TaskWrites& writes_;
    size_t last_hit_ = 0;
};

}  // namespace rosenblatt::emukernel
