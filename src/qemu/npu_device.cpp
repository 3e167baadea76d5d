// SPDX-License-Identifier: GPL-2.0-or-later
#include "qemu/npu_device.hpp"

#include "npu/registers.hpp"

namespace rosenblatt::qemu {
namespace {

constexpr uint64_t k_window = 0x10000;
constexpr unsigned k_page_shift = 12;
/// An injected fault strikes one of the first so many pages: the stream, an operand or the output.
constexpr unsigned k_pages_of_a_task = 48;

// Pages of the 64 KiB, as on the SoC; the reset register is the lab's own (snps,dw-high-reset).
enum Page : uint32_t { Pc = 0, Cna = 1, Locked = 2, Core = 3, Mmu0 = 9, Mmu1 = 10, Reset = 15 };

npu::Machine machine_of(const DeviceOptions& options) {
    npu::Machine machine;
    machine.clock_mhz = options.clock_mhz;
    return machine;
}

IommuVersion version_of(const DeviceOptions& options) {
    return {options.v1_format, options.truncate, options.truncate_register};
}

}  // namespace

NpuDevice::NpuDevice(unsigned index, const DeviceOptions& options, std::FILE* log)
    : index_(index),
      options_(options),
      log_(log),
      core_(index),
      banks_{Iommu(version_of(options)), Iommu(version_of(options))},
      bus_(banks_[index == 0 ? 0 : 1]),
      random_(options.seed + index) {
    core_.set_machine(machine_of(options));
}

void NpuDevice::attach(void* interrupt_controller) {
    static const MemoryRegionOps ops = [] {
        MemoryRegionOps o{};
        o.read = on_read;
        o.write = on_write;
        o.endianness = 2;
        o.valid.min_access_size = o.valid.max_access_size = 4;
        o.impl.min_access_size = o.impl.max_access_size = 4;
        return o;
    }();
    Host& qemu = host();
    irq_ = qemu.qdev_get_gpio_in(interrupt_controller, options_.spi + static_cast<int>(index_));
    qemu.timer_init_full(timer_.data(), nullptr, k_virtual_clock, 1, 0, on_timer, this);
    qemu.memory_region_init_io(region_.data(), nullptr, &ops, this, "rk3588-npu", k_window);
    qemu.memory_region_add_subregion(qemu.get_system_memory(), options_.base + k_window * index_,
                                     region_.data());
}

uint64_t NpuDevice::on_read(void* self, HardwareAddress address, unsigned) {
    return static_cast<NpuDevice*>(self)->read(static_cast<uint32_t>(address));
}

void NpuDevice::on_write(void* self, HardwareAddress address, uint64_t value, unsigned) {
    static_cast<NpuDevice*>(self)->write(static_cast<uint32_t>(address),
                                         static_cast<uint32_t>(value));
}

uint32_t NpuDevice::read(uint32_t address) {
    const uint32_t offset = address & 0xfff;
    switch (address >> k_page_shift) {
        case Pc: return core_.read_register(emulator::Window::Pc, offset);
        case Cna: return core_.read_register(emulator::Window::Cna, offset);
        case Core: return core_.read_register(emulator::Window::Core, offset);
        case Mmu0: return banks_[0].read(offset);
        case Mmu1: return banks_[1].read(offset);
        case Reset: return offset / 4 < reset_lines_.size() ? reset_lines_[offset / 4] : 0;
        case Locked: note("read of page 2, which locks a real RK3588 up"); return 0;
        default: return 0;
    }
}

void NpuDevice::write(uint32_t address, uint32_t value) {
    const uint32_t offset = address & 0xfff;
    switch (address >> k_page_shift) {
        case Pc: core_.write_register(emulator::Window::Pc, offset, value); break;
        case Cna: write_cna(offset, value); break;
        case Core: core_.write_register(emulator::Window::Core, offset, value); break;
        case Mmu0: banks_[0].write(offset, value); break;
        case Mmu1: banks_[1].write(offset, value); break;
        case Reset: write_reset(offset, value); break;
        default: break;
    }
    if (core_.task_pending()) run_task();
    update_irq();
}

// The driver tells every core its number in S_POINTER, on every kick: the log says it once.
void NpuDevice::write_cna(uint32_t offset, uint32_t value) {
    const uint32_t base = npu::info(npu::Block::Cna).base;
    if (base + offset == npu::cna::S_POINTER::offset && group_pointer_ != value) {
        note("S_POINTER {:#010x}", value);
        group_pointer_ = value;
    }
    core_.write_register(emulator::Window::Cna, offset, value);
}

// Bits 0 and 1 are srst_a and srst_h, active high. The IOMMU stands in the same power and reset domain.
void NpuDevice::write_reset(uint32_t offset, uint32_t value) {
    if (offset / 4 >= reset_lines_.size()) return;
    const bool asserted = (value & 3) != 0 && (reset_lines_[offset / 4] & 3) == 0;
    reset_lines_[offset / 4] = value;
    if (!asserted) return;
    ++account_.resets;
    note("reset");
    task_running_ = false;
    core_.reset();
    for (Iommu& bank : banks_) bank.reset();
}

void NpuDevice::run_task() {
    ++account_.tasks;
    if (happens(options_.hang_permille)) {
        ++account_.hung;
        note("injected: hang");
        core_.reset();  // nothing is written, no interrupt comes
        return;
    }
    bus_.fault_at(std::nullopt);
    if (happens(options_.dma_error_permille)) {
        bus_.fault_at(random_() % k_pages_of_a_task);
        note("injected: IOMMU fault");
    }
    // The guest's clock stands still while the host computes: a slow host is no slow NPU.
    host().cpu_disable_ticks();
    const emulator::TaskOutcome outcome = core_.run_task(bus_);
    host().cpu_enable_ticks();

    const double ns = outcome.modelled_ns * options_.slow;
    note("task {:.0f} ns, {} MAC cycles{}{}", ns, outcome.mac_cycles, outcome.fault ? ": " : "",
         outcome.fault ? outcome.fault->sentence : "");
    account_.hung += outcome.completion == emulator::Completion::Hung;
    account_.faulted += outcome.completion == emulator::Completion::BusFault;
    if (outcome.completion == emulator::Completion::BusFault) core_.complete();
    if (outcome.completion != emulator::Completion::Done) return;
    account_.modelled_ns += ns;
    if (happens(options_.lose_irq_permille)) {
        ++account_.irqs_lost;
        note("injected: interrupt lost");
    } else {
        finish_later(ns);
    }
}

void NpuDevice::finish_later(double ns) {
    task_running_ = true;
    host().timer_mod_ns(timer_.data(), host().qemu_clock_get_ns(k_virtual_clock) +
                                           static_cast<int64_t>(ns));
}

void NpuDevice::on_timer(void* opaque) {
    auto& self = *static_cast<NpuDevice*>(opaque);
    if (!self.task_running_) return;  // a reset came first
    self.task_running_ = false;
    self.core_.complete();
    self.update_irq();
}

// Core and IOMMU share one level-triggered line, as on the SoC.
void NpuDevice::update_irq() {
    const bool level =
        core_.irq_level() || banks_[0].irq_level() || banks_[1].irq_level();
    host().qemu_set_irq(irq_, level);
}

bool NpuDevice::happens(unsigned permille) {
    return permille > 0 && random_() % 1000 < permille;
}

}  // namespace rosenblatt::qemu
