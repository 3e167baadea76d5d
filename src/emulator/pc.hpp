// SPDX-License-Identifier: MIT
// Pc: the program controller's registers, interrupts and stream fetch.
#pragma once

#include <cstdint>
#include <vector>

#include "emulator/bus.hpp"
#include "emulator/fault.hpp"

namespace rosenblatt::emulator {

/// Where a stream lies: its first word and how many there are.
struct StreamRange {
    Iova iova = 0;
    uint32_t words = 0;
};

class Pc {
  public:
    void reset();
    void write(uint16_t offset, uint32_t value);
    uint32_t read(uint16_t offset) const;

    /// OPERATION_ENABLE was written 1 and nobody has run the task yet.
    bool pending() const { return pending_; }
    void take_pending() { pending_ = false; }
    bool slave_mode() const { return slave_mode_; }

    /// The stream to start with, as the CPU programmed it.
    StreamRange first() const;
    /// A PC register in a stream: the link to the next one.
    void write_from_stream(uint16_t offset, uint32_t value);
    /// The link gathered since start_stream(), if it has an address.
    void start_stream() { link_ = {}; }
    std::optional<StreamRange> link() const;

    uint32_t task_number() const;
    uint64_t dma_base() const { return dma_base_; }

    void raise(uint32_t bits) { raw_ |= bits; }
    void count_task() { ++tasks_done_; }
    bool irq_level() const { return (raw_ & mask_) != 0; }

    /// Reads the words of a stream.
    static Check fetch(Bus& bus, StreamRange range, std::vector<uint64_t>& words);

  private:
    struct Link {
        uint32_t base = 0;
        uint32_t amount = 0;
        bool has_base = false;
    };

    uint32_t base_ = 0;
    uint32_t amounts_ = 0;
    uint32_t mask_ = 0;
    uint32_t raw_ = 0;
    uint32_t task_con_ = 0;
    uint32_t dma_base_ = 0;
    uint32_t tasks_done_ = 0;
    bool enabled_ = false;
    bool pending_ = false;
    bool slave_mode_ = false;
    Link link_;
};

}  // namespace rosenblatt::emulator
