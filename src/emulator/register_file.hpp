// SPDX-License-Identifier: MIT
// RegisterFile: the two register groups of one block, S_POINTER's ping-pong between them, and a
// record of which stream wrote what (hardware.md 1.5).
#pragma once

#include <array>
#include <cstdint>

#include "npu/registers.gen.hpp"

namespace rosenblatt::emulator {

class RegisterFile {
  public:
    explicit RegisterFile(npu::Block block) : block_(block) {}

    npu::Block block() const { return block_; }

    /// Both groups idle and filled with `pattern`; pointers at group 0, ping-pong off.
    void reset(uint32_t pattern);

    /// A write by stream number `stream` (0: by the CPU) to a full register offset of this block.
    void write(uint16_t offset, uint32_t value, uint32_t stream);
    /// What the CPU reads back: S_STATUS, S_POINTER, else the group being written.
    uint32_t read(uint16_t offset) const;

    /// The enable word: the group being written is ready to run; the pointer moves on.
    void enable();
    /// True when the group whose turn it is has been enabled.
    bool ready() const { return groups_[executer_].enabled; }
    /// The executing group has finished.
    void finish();
    unsigned executer() const { return executer_; }

    /// True when `stream` wrote S_POINTER.
    bool pointer_written_by(uint32_t stream) const { return pointer_stream_ == stream; }

    /// The register in the executing group.
    template <typename T>
    T get() const {
        return T::unpack(raw(T::offset));
    }
    uint32_t raw(uint16_t offset) const;

    /// The first register read by get() since begin_use() that `stream` had not written; 0 if none.
    void begin_use(uint32_t stream) {
        stream_ = stream;
        unwritten_ = 0;
    }
    uint16_t unwritten() const { return unwritten_; }

  private:
    // The last documented register of a block is CNA 0x184.
    static constexpr unsigned k_registers = 0x200 / 4;

    struct Group {
        std::array<uint32_t, k_registers> values{};
        std::array<uint32_t, k_registers> written_by{};
        bool enabled = false;
    };

    static bool known(uint16_t offset) { return (offset & 0xfff) / 4 < k_registers; }
    static unsigned index(uint16_t offset) { return (offset & 0xfff) / 4; }
    void write_pointer(uint32_t value);

    npu::Block block_;
    std::array<Group, 2> groups_;
    unsigned pointer_ = 0;
    unsigned executer_ = 0;
    bool pointer_ping_pong_ = false;
    bool executer_ping_pong_ = false;
    bool pointer_by_itself_ = false;
    uint32_t pointer_stream_ = ~0U;
    uint32_t stream_ = 0;
    mutable uint16_t unwritten_ = 0;
};

}  // namespace rosenblatt::emulator
