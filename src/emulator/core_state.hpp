// SPDX-License-Identifier: MIT
// CoreState: the blocks of one core and the order in which a task passes through them.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "emulator/cbuf.hpp"
#include "emulator/core.hpp"
#include "emulator/fault.hpp"
#include "emulator/lut.hpp"
#include "emulator/pc.hpp"
#include "emulator/register_file.hpp"

namespace rosenblatt::emulator {

/// Everything a block needs while a task runs.
struct TaskContext {
    Bus& bus;
    const Switches& switches;
    uint64_t dma_base;
    TaskWork& work;
    uint64_t& work_left;         ///< MACs until the work limit
    std::vector<Fault>& doubts;  ///< strict: what silicon may do differently

    Iova address(uint32_t register_value) const { return dma_base + register_value; }
    void doubt(FaultKind kind, npu::Block block, std::string sentence) const {
        if (switches.strict) doubts.push_back(make_fault(kind, block, std::move(sentence)));
    }
};

class CoreState {
  public:
    explicit CoreState(const Switches& switches);

    void reset();
    TaskOutcome run(Bus& bus);
    void complete();

    RegisterFile& file(npu::Block block) { return files_[static_cast<unsigned>(block) - 1]; }
    const RegisterFile& file(npu::Block block) const {
        return files_[static_cast<unsigned>(block) - 1];
    }

    Pc pc;
    Switches switches;
    npu::Machine machine;

  private:
    Check run_chain(Bus& bus, TaskOutcome& outcome);
    Check run_stream(Bus& bus, StreamRange range, TaskOutcome& outcome, uint32_t& word);
    Check decode(uint32_t& word);
    Check decode_word(uint64_t word);
    Check enable(uint32_t mask);
    Check execute(TaskContext& context);
    Check run_blocks(TaskContext& context);
    Check check_use(TaskContext& context);
    void finish_blocks();

    std::array<RegisterFile, 6> files_;
    Cbuf cbuf_;
    LutMemory lut_;
    std::vector<uint64_t> words_;
    uint64_t work_left_ = 0;
    uint32_t stream_ = 0;          ///< number of the stream being run, from 1
    uint32_t enabled_ = 0;         ///< enable mask gathered from the stream
    uint32_t interrupts_ = 0;      ///< bits that complete() will raise
    bool finish_pending_ = false;  ///< complete() must still hand the groups over
};

}  // namespace rosenblatt::emulator
