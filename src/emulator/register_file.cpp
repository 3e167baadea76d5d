// SPDX-License-Identifier: MIT
// RegisterFile: shadowing and S_POINTER.
#include "emulator/register_file.hpp"

namespace rosenblatt::emulator {
namespace {

constexpr uint16_t k_status = 0x000;
constexpr uint16_t k_pointer = 0x004;
constexpr uint16_t k_enable = 0x008;

}  // namespace

void RegisterFile::reset(uint32_t pattern) {
    for (Group& group : groups_) {
        group.values.fill(pattern);
        group.written_by.fill(0);
        group.enabled = false;
    }
    pointer_ = executer_ = 0;
    pointer_ping_pong_ = executer_ping_pong_ = pointer_by_itself_ = false;
    pointer_stream_ = ~0U;
}

void RegisterFile::write(uint16_t offset, uint32_t value, uint32_t stream) {
    if (!known(offset)) return;
    const uint16_t local = offset & 0xfff;
    if (local == k_status) return;
    if (local == k_pointer) {
        pointer_stream_ = stream;
        write_pointer(value);
        return;
    }
    if (local == k_enable) {
        // Written register by register it means the same as the block's bit in the enable word.
        if (value & 1) enable();
        return;
    }
    Group& group = groups_[pointer_];
    group.values[index(offset)] = value;
    group.written_by[index(offset)] = stream;
}

void RegisterFile::write_pointer(uint32_t value) {
    const auto fields = npu::cna::S_POINTER::unpack(value);
    pointer_ping_pong_ = fields.pointer_pp_en;
    executer_ping_pong_ = fields.executer_pp_en;
    pointer_by_itself_ = fields.pointer_pp_mode;
    // With ping-pong on, everybody writes 0xE before every task and the groups still alternate: the
    // POINTER bit counts only without it.
    if (fields.pointer_pp_clear)
        pointer_ = 0;
    else if (!pointer_ping_pong_)
        pointer_ = fields.pointer;
    if (fields.executer_pp_clear) executer_ = 0;
}

uint32_t RegisterFile::read(uint16_t offset) const {
    if (!known(offset)) return 0;
    switch (offset & 0xfff) {
        case k_status: {
            uint32_t status = 0;
            for (unsigned group = 0; group < 2; ++group)
                if (groups_[group].enabled)
                    status |= (group == executer_ ? 1U : 2U) << (16 * group);
            return status;
        }
        case k_pointer:
            return pointer_ | (pointer_ping_pong_ ? 2U : 0) | (executer_ping_pong_ ? 4U : 0) |
                   (pointer_by_itself_ ? 8U : 0) | executer_ << 16;
        case k_enable:
            return groups_[pointer_].enabled ? 1 : 0;
        default:
            return groups_[pointer_].values[index(offset)];
    }
}

void RegisterFile::enable() {
    groups_[pointer_].enabled = true;
    if (pointer_ping_pong_ && pointer_by_itself_) pointer_ ^= 1;
}

void RegisterFile::finish() {
    groups_[executer_].enabled = false;
    if (executer_ping_pong_) executer_ ^= 1;
    if (pointer_ping_pong_ && !pointer_by_itself_) pointer_ = executer_;
}

uint32_t RegisterFile::raw(uint16_t offset) const {
    if (!known(offset)) return 0;
    const Group& group = groups_[executer_];
    if (unwritten_ == 0 && group.written_by[index(offset)] != stream_) unwritten_ = offset;
    return group.values[index(offset)];
}

}  // namespace rosenblatt::emulator
