// SPDX-License-Identifier: MIT
// Core: the register windows; everything else is CoreState's.
#include "emulator/core.hpp"

#include "emulator/core_state.hpp"

namespace rosenblatt::emulator {
namespace {

npu::Block block_of(Window window) {
    return window == Window::Cna ? npu::Block::Cna : npu::Block::Core;
}

bool in_window(uint32_t offset) {
    return offset < npu::k_block_window && offset % 4 == 0;
}

}  // namespace

Core::Core(unsigned index, const Switches& switches)
    : index_(index), state_(std::make_unique<CoreState>(switches)) {}
Core::Core(Core&&) noexcept = default;
Core& Core::operator=(Core&&) noexcept = default;
Core::~Core() = default;

const Switches& Core::switches() const {
    return state_->switches;
}
void Core::set_switches(const Switches& switches) {
    state_->switches = switches;
}
void Core::set_machine(const npu::Machine& machine) {
    state_->machine = machine;
}
void Core::reset() {
    state_->reset();
}

void Core::write_register(Window window, uint32_t offset, uint32_t value) {
    if (!in_window(offset)) return;
    if (window == Window::Pc) {
        state_->pc.write(static_cast<uint16_t>(offset), value);
        return;
    }
    const npu::Block block = block_of(window);
    const auto full = static_cast<uint16_t>(npu::info(block).base + offset);
    state_->file(block).write(full, value, 0);
}

uint32_t Core::read_register(Window window, uint32_t offset) const {
    if (!in_window(offset)) return 0;
    if (window == Window::Pc) return state_->pc.read(static_cast<uint16_t>(offset));
    const npu::Block block = block_of(window);
    return state_->file(block).read(static_cast<uint16_t>(npu::info(block).base + offset));
}

bool Core::task_pending() const {
    return state_->pc.pending();
}
TaskOutcome Core::run_task(Bus& bus) {
    return state_->run(bus);
}
void Core::complete() {
    state_->complete();
}
bool Core::irq_level() const {
    return state_->pc.irq_level();
}

}  // namespace rosenblatt::emulator
