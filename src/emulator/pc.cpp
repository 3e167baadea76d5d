// SPDX-License-Identifier: MIT
// Pc: register access as rocket.ko makes it (kernel.md 1.6), and the fetch of streams.
#include "emulator/pc.hpp"

#include <span>

#include "npu/registers.gen.hpp"

namespace rosenblatt::emulator {
namespace {

namespace pc = npu::pc;

constexpr uint32_t k_version = 0x46495245;  // "FIRE", what BSP and mainline print
constexpr uint32_t k_interrupt_bits = 0x1ffff;

/// BASE_ADDRESS and REGISTER_AMOUNTS hold a 16-byte aligned address and pairs of words minus one.
StreamRange range_of(uint32_t base, uint32_t amounts) {
    return {pc::BASE_ADDRESS::unpack(base).source_addr,
            (pc::REGISTER_AMOUNTS::unpack(amounts).data_amount + 1) * 2};
}

}  // namespace

void Pc::reset() {
    *this = Pc{};
}

void Pc::write(uint16_t offset, uint32_t value) {
    switch (offset) {
        case pc::OPERATION_ENABLE::offset:
            pending_ = (value & 1) && !enabled_;
            enabled_ = value & 1;
            break;
        case pc::BASE_ADDRESS::offset:
            slave_mode_ = pc::BASE_ADDRESS::unpack(value).pc_sel;
            base_ = value;
            break;
        case pc::REGISTER_AMOUNTS::offset:
            amounts_ = value;
            break;
        case pc::INTERRUPT_MASK::offset:
            mask_ = value & k_interrupt_bits;
            break;
        case pc::INTERRUPT_CLEAR::offset:
            raw_ &= ~value;
            break;
        case pc::TASK_CON::offset:
            task_con_ = value;
            if (pc::TASK_CON::unpack(value).task_count_clear) tasks_done_ = 0;
            break;
        case pc::TASK_DMA_BASE_ADDR::offset:
            dma_base_ = pc::TASK_DMA_BASE_ADDR::unpack(value).dma_base_addr;
            break;
        default:
            break;
    }
}

uint32_t Pc::read(uint16_t offset) const {
    switch (offset) {
        case pc::VERSION::offset:
            return k_version;
        case pc::VERSION_NUM::offset:
            return 0;
        case pc::OPERATION_ENABLE::offset:
            return enabled_ ? 1 : 0;
        case pc::BASE_ADDRESS::offset:
            return base_;
        case pc::REGISTER_AMOUNTS::offset:
            return amounts_;
        case pc::INTERRUPT_MASK::offset:
            return mask_;
        case pc::INTERRUPT_STATUS::offset:
            return raw_ & mask_;
        case pc::INTERRUPT_RAW_STATUS::offset:
            return raw_;
        case pc::TASK_CON::offset:
            return task_con_;
        case pc::TASK_DMA_BASE_ADDR::offset:
            return dma_base_;
        case pc::TASK_STATUS::offset:
            return tasks_done_ & 0xfff;
        default:
            return 0;
    }
}

StreamRange Pc::first() const {
    return range_of(base_, amounts_);
}

void Pc::write_from_stream(uint16_t offset, uint32_t value) {
    if (offset == pc::BASE_ADDRESS::offset) {
        link_.base = value;
        link_.has_base = true;
    } else if (offset == pc::REGISTER_AMOUNTS::offset) {
        link_.amount = value;
    }
}

std::optional<StreamRange> Pc::link() const {
    if (!link_.has_base) return std::nullopt;
    return range_of(link_.base, link_.amount);
}

uint32_t Pc::task_number() const {
    return pc::TASK_CON::unpack(task_con_).task_number;
}

Check Pc::fetch(Bus& bus, StreamRange range, std::vector<uint64_t>& words) {
    words.resize(range.words);
    if (const auto fault = bus.read(range.iova, std::as_writable_bytes(std::span(words))))
        return read_fault(npu::Block::Pc, *fault, "register commands");
    return std::nullopt;
}

}  // namespace rosenblatt::emulator
