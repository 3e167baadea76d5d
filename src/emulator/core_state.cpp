// SPDX-License-Identifier: MIT
// CoreState: from kick to completion: fetch, decode, enable, run the blocks, follow links.
#include "emulator/core_state.hpp"

#include <utility>

#include "emulator/convolution.hpp"
#include "emulator/flying.hpp"
#include "emulator/ppu.hpp"
#include "emulator/timing.hpp"
#include "npu/registers.gen.hpp"

namespace rosenblatt::emulator {
namespace {

using npu::Block;

constexpr uint32_t k_poison = 0xdeadbeef;

// Command words: target in bits 63:48, of which bit 48 is set by every emitter and means nothing
// (hardware.md 1.2); value in 47:16, register offset in 15:0.
constexpr uint16_t k_target_marker = 0x0040;
constexpr uint16_t k_target_enable = 0x0080;
constexpr uint16_t k_target_pc = 0x0100;

constexpr uint32_t bit(Block block) {
    return npu::info(block).enable;
}

constexpr uint32_t k_convolution = bit(Block::Cna) | bit(Block::Core) | bit(Block::Dpu);
constexpr uint32_t k_flying = bit(Block::Dpu) | bit(Block::DpuRdma);
constexpr uint32_t k_pooling = bit(Block::Ppu) | bit(Block::PpuRdma);

constexpr Block k_shadowed[] = {Block::Cna,     Block::Core, Block::Dpu,
                                Block::DpuRdma, Block::Ppu,  Block::PpuRdma};

const npu::BlockInfo* block_of_target(uint16_t target) {
    for (const npu::BlockInfo& candidate : npu::k_blocks)
        if (candidate.target != 0 && (candidate.target & ~1U) == target) return &candidate;
    return nullptr;
}

/// The interrupt bit of a block's group 0; group 1 is the next one.
unsigned first_interrupt(Block block) {
    switch (block) {
        case Block::Cna:
            return 0;  // feature; weight and CSC follow at 2 and 4
        case Block::Core:
            return 6;
        case Block::Dpu:
            return 8;
        default:
            return 10;
    }
}

constexpr uint32_t k_read_error = 1U << 12;
constexpr uint32_t k_write_error = 1U << 13;

}  // namespace

CoreState::CoreState(const Switches& initial)
    : switches(initial), files_{RegisterFile{Block::Cna}, RegisterFile{Block::Core},
                                RegisterFile{Block::Dpu}, RegisterFile{Block::DpuRdma},
                                RegisterFile{Block::Ppu}, RegisterFile{Block::PpuRdma}} {
    reset();
}

void CoreState::reset() {
    pc.reset();
    for (RegisterFile& blocks : files_) blocks.reset(switches.poison ? k_poison : 0);
    lut_.reset();
    cbuf_.reset(std::byte{switches.poison ? uint8_t{0xa5} : uint8_t{0}});
    enabled_ = interrupts_ = 0;
    finish_pending_ = false;
}

TaskOutcome CoreState::run(Bus& bus) {
    TaskOutcome outcome;
    interrupts_ = 0;
    finish_pending_ = false;
    if (Check fault = run_chain(bus, outcome)) {
        const bool read = fault->kind == FaultKind::ReadUnmapped;
        const bool write = fault->kind == FaultKind::WriteUnmapped;
        outcome.completion = read || write ? Completion::BusFault : Completion::Hung;
        interrupts_ = read ? k_read_error : write ? k_write_error : 0;
        finish_pending_ = false;
        outcome.fault = std::move(fault);
    }
    return outcome;
}

Check CoreState::run_chain(Bus& bus, TaskOutcome& outcome) {
    if (!pc.pending()) return make_fault(FaultKind::BlockWaits, Block::Pc, "no task was started");
    pc.take_pending();
    if (pc.slave_mode())
        return make_fault(FaultKind::BlockWaits, Block::Pc,
                          "BASE_ADDRESS selects slave mode: the PC fetches nothing");
    const uint32_t tasks = pc.task_number();
    if (tasks == 0)
        return make_fault(FaultKind::BlockWaits, Block::Pc, "TASK_CON asks for 0 tasks");
    StreamRange range = pc.first();
    work_left_ = switches.work_limit;
    for (uint32_t task = 0; task < tasks; ++task) {
        if (finish_pending_) finish_blocks();
        uint32_t word = 0;
        Check fault = run_stream(bus, range, outcome, word);
        outcome.mac_cycles += outcome.work.mac_cycles();
        outcome.dma_bytes += outcome.work.dma_bytes();
        outcome.modelled_ns += modelled_ns(outcome.work, machine);
        if (fault) {
            fault->word = word;
            return fault;
        }
        // One interrupt at the end of the chain; without a link the PC stops early (1.4).
        const auto link = pc.link();
        if (!link) break;
        range = *link;
    }
    return std::nullopt;
}

Check CoreState::run_stream(Bus& bus, StreamRange range, TaskOutcome& outcome, uint32_t& word) {
    outcome.work = {};
    ++stream_;
    enabled_ = 0;
    pc.start_stream();
    if (Check fault = Pc::fetch(bus, range, words_)) return fault;
    outcome.work.words = words_.size();
    if (Check fault = decode(word)) return fault;
    std::vector<Fault> doubts;
    TaskContext context{bus, switches, pc.dma_base(), outcome.work, work_left_, doubts};
    if (Check fault = execute(context)) return fault;
    if (!doubts.empty()) return doubts.front();
    return std::nullopt;
}

Check CoreState::decode(uint32_t& word) {
    uint32_t last_enable = 0;
    for (word = 0; word < words_.size(); ++word) {
        const uint32_t before = enabled_;
        if (Check fault = decode_word(words_[word])) return fault;
        if (enabled_ != before) last_enable = word;
    }
    word = last_enable;  // faults of the execution point at the word that started it
    if (enabled_ == 0)
        return make_fault(
            FaultKind::StreamRejected, Block::Pc,
            "the stream of " + std::to_string(words_.size()) + " words enables no block");
    return std::nullopt;
}

Check CoreState::decode_word(uint64_t word) {
    const auto target = static_cast<uint16_t>((word >> 48) & ~1ULL);
    const auto value = static_cast<uint32_t>(word >> 16);
    const auto offset = static_cast<uint16_t>(word);
    if (target == 0 || target == k_target_marker) return std::nullopt;
    if (target == k_target_enable) return enable(value);
    const npu::BlockInfo* block = block_of_target(target);
    if (block == nullptr || !npu::in_window(block->block, offset)) {
        if (!switches.strict) return std::nullopt;
        return make_fault(FaultKind::StreamRejected, Block::Pc,
                          "word " + hex(word) + " names no register of its target");
    }
    if (target == k_target_pc) {
        pc.write_from_stream(offset, value);
        return std::nullopt;
    }
    if (offset == npu::dpu::LUT_ACCESS_CFG::offset) lut_.write_config(value);
    if (offset == npu::dpu::LUT_ACCESS_DATA::offset) lut_.write_data(value);
    file(block->block).write(offset, value, stream_);
    if ((offset & 0xfff) == npu::cna::OPERATION_ENABLE::offset - npu::info(Block::Cna).base &&
        (value & 1))
        enabled_ |= block->enable;
    return std::nullopt;
}

Check CoreState::enable(uint32_t mask) {
    for (const Block block : k_shadowed) {
        if (!(mask & bit(block))) continue;
        if (enabled_ & bit(block))
            return make_fault(FaultKind::StreamRejected, block,
                              "the block is enabled twice in one stream");
        file(block).enable();
        enabled_ |= bit(block);
    }
    return std::nullopt;
}

Check CoreState::execute(TaskContext& context) {
    for (const Block block : k_shadowed) {
        if (!(enabled_ & bit(block))) continue;
        RegisterFile& registers = file(block);
        if (!registers.ready())
            return make_fault(FaultKind::BlockWaits, block,
                              "the block was enabled for register group " +
                                  std::to_string(registers.executer() ^ 1) + " while group " +
                                  std::to_string(registers.executer()) + " is to execute");
        registers.begin_use(stream_);
    }
    if (Check fault = run_blocks(context)) return fault;
    if (Check fault = check_use(context)) return fault;
    finish_pending_ = true;
    pc.count_task();
    return std::nullopt;
}

Check CoreState::run_blocks(TaskContext& context) {
    const RegisterFile* rdma = enabled_ & bit(Block::DpuRdma) ? &file(Block::DpuRdma) : nullptr;
    if ((enabled_ & ~bit(Block::DpuRdma)) == k_convolution)
        return run_convolution(context, cbuf_,
                               {file(Block::Cna), file(Block::Core), file(Block::Dpu), rdma, lut_});
    if (enabled_ == k_flying) return run_flying(context, file(Block::Dpu), *rdma, lut_);
    if (enabled_ == k_pooling) return run_pooling(context, file(Block::Ppu), file(Block::PpuRdma));
    return make_fault(FaultKind::BlockWaits, Block::Pc,
                      "enable mask " + hex(enabled_) +
                          " starts blocks that wait for others: a convolution is 0xd or 0x1d, "
                          "flying mode 0x18, pooling 0x60");
}

Check CoreState::check_use(TaskContext& context) {
    if (!switches.strict) return std::nullopt;
    for (const Block block : k_shadowed) {
        if (!(enabled_ & bit(block))) continue;
        const RegisterFile& registers = file(block);
        if (registers.unwritten() != 0)
            context.doubt(FaultKind::UnwrittenRegister, block,
                          "register " + hex(registers.unwritten()) +
                              " was used but not written by this stream");
        // CNA's and CORE's are written by the kernel.
        if (block != Block::Cna && block != Block::Core && !registers.pointer_written_by(stream_))
            context.doubt(FaultKind::UnwrittenRegister, block,
                          "the stream does not write the block's S_POINTER");
    }
    return std::nullopt;
}

void CoreState::finish_blocks() {
    finish_pending_ = false;
    for (const Block block : k_shadowed) {
        if (!(enabled_ & bit(block))) continue;
        RegisterFile& registers = file(block);
        const unsigned group = registers.executer();
        if (block == Block::Cna)
            interrupts_ |= 0b010101U << group;
        else if (block != Block::DpuRdma && block != Block::PpuRdma)
            interrupts_ |= 1U << (first_interrupt(block) + group);
        registers.finish();
    }
}

void CoreState::complete() {
    if (finish_pending_) finish_blocks();
    pc.raise(std::exchange(interrupts_, 0));
}

}  // namespace rosenblatt::emulator
