// SPDX-License-Identifier: MIT
// The C interface: emulator::Core behind functions, a bus of two callbacks.
#include "library/emulator.h"

#include <new>
#include <string>

#include "drm/rocket_accel.h"
#include "emukernel/job_runner.hpp"
#include "emulator/core.hpp"

#define ROSENBLATT_API extern "C" __attribute__((visibility("default")))

using rosenblatt::emulator::Completion;
using rosenblatt::emulator::Core;
using rosenblatt::emulator::Iova;
using rosenblatt::emulator::Window;

struct rosenblatt_core {
    Core core;
    std::string fault, sentence;
};

namespace {

class CallbackBus final : public rosenblatt::emulator::Bus {
  public:
    explicit CallbackBus(const rosenblatt_bus& bus) : bus_(bus) {}

    std::optional<Iova> read(Iova iova, std::span<std::byte> bytes) override {
        Iova fault = iova;
        if (bus_.read(bus_.context, iova, bytes.data(), bytes.size(), &fault) == 0)
            return std::nullopt;
        return fault;
    }
    std::optional<Iova> write(Iova iova, std::span<const std::byte> bytes) override {
        Iova fault = iova;
        if (bus_.write(bus_.context, iova, bytes.data(), bytes.size(), &fault) == 0)
            return std::nullopt;
        return fault;
    }
    const std::byte* view(Iova, size_t) override { return nullptr; }

  private:
    const rosenblatt_bus& bus_;
};

rosenblatt_completion completion_of(Completion completion) {
    switch (completion) {
        case Completion::Done:
            return ROSENBLATT_DONE;
        case Completion::BusFault:
            return ROSENBLATT_BUS_FAULT;
        default:
            return ROSENBLATT_HUNG;
    }
}

}  // namespace

ROSENBLATT_API rosenblatt_core* rosenblatt_core_new(unsigned index) {
    return new (std::nothrow) rosenblatt_core{Core(index), "", ""};
}

ROSENBLATT_API void rosenblatt_core_free(rosenblatt_core* core) {
    delete core;
}

ROSENBLATT_API const char* rosenblatt_core_switch(rosenblatt_core* core, const char* assignment) {
    auto switches = core->core.switches();
    const auto set = rosenblatt::emulator::set_switch(switches, assignment);
    if (set) {
        core->core.set_switches(switches);
        return nullptr;
    }
    core->sentence = set.error().message;
    return core->sentence.c_str();
}

ROSENBLATT_API void rosenblatt_core_reset(rosenblatt_core* core) {
    core->core.reset();
}

ROSENBLATT_API void rosenblatt_core_write(rosenblatt_core* core, rosenblatt_window window,
                                          uint32_t offset, uint32_t value) {
    if (window > ROSENBLATT_CORE) return;
    core->core.write_register(static_cast<Window>(window), offset, value);
}

ROSENBLATT_API uint32_t rosenblatt_core_read(const rosenblatt_core* core, rosenblatt_window window,
                                             uint32_t offset) {
    if (window > ROSENBLATT_CORE) return 0;
    return core->core.read_register(static_cast<Window>(window), offset);
}

ROSENBLATT_API void rosenblatt_core_kick(rosenblatt_core* core, uint32_t stream, uint32_t words) {
    rosenblatt::emukernel::handle_interrupt(core->core);
    rosenblatt::emukernel::kick(core->core, {.regcmd = stream, .regcmd_count = words});
}

ROSENBLATT_API void rosenblatt_core_run(rosenblatt_core* core, const rosenblatt_bus* bus,
                                        rosenblatt_outcome* outcome) {
    CallbackBus memory(*bus);
    const auto done = core->core.run_task(memory);
    core->fault = done.fault ? rosenblatt::emulator::name(done.fault->kind) : "";
    core->sentence = done.fault ? done.fault->sentence : "";
    *outcome = {.completion = completion_of(done.completion),
                .fault = core->fault.c_str(),
                .sentence = core->sentence.c_str(),
                .word = done.fault ? done.fault->word : 0,
                .iova = done.fault ? done.fault->iova : 0,
                .mac_cycles = done.mac_cycles,
                .dma_bytes = done.dma_bytes,
                .modelled_ns = done.modelled_ns};
}

ROSENBLATT_API void rosenblatt_core_complete(rosenblatt_core* core) {
    core->core.complete();
}

ROSENBLATT_API int rosenblatt_core_irq(const rosenblatt_core* core) {
    return core->core.irq_level() ? 1 : 0;
}
