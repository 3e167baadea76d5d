// SPDX-License-Identifier: GPL-2.0-or-later
#include "qemu/host.hpp"

#include <dlfcn.h>

namespace rosenblatt::qemu {
namespace {

// Functions differ in type only; dlsym's void* is turned back by the assignment's own type.
template <typename F>
void find(F*& target, std::string& missing, const char* name) {
    void* symbol = ::dlsym(RTLD_DEFAULT, name);
    if (!symbol) missing += (missing.empty() ? "" : ", ") + std::string(name);
    target = reinterpret_cast<F*>(symbol);
}

}  // namespace

std::string Host::load() {
    std::string missing;
#define ROSENBLATT_FIND(function) find(function, missing, #function)
    ROSENBLATT_FIND(memory_region_init_io);
    ROSENBLATT_FIND(memory_region_add_subregion);
    ROSENBLATT_FIND(get_system_memory);
    ROSENBLATT_FIND(object_resolve_path_type);
    ROSENBLATT_FIND(qdev_get_gpio_in);
    ROSENBLATT_FIND(qemu_set_irq);
    ROSENBLATT_FIND(qemu_add_machine_init_done_notifier);
    ROSENBLATT_FIND(timer_init_full);
    ROSENBLATT_FIND(timer_mod_ns);
    ROSENBLATT_FIND(qemu_clock_get_ns);
    ROSENBLATT_FIND(cpu_disable_ticks);
    ROSENBLATT_FIND(cpu_enable_ticks);
    ROSENBLATT_FIND(qemu_plugin_register_atexit_cb);
    ROSENBLATT_FIND(address_space_memory);
    ROSENBLATT_FIND(address_space_rw);
#undef ROSENBLATT_FIND
    if (missing.empty()) return {};
    return "this QEMU does not export " + missing +
           ", which the NPU device needs; use Debian's qemu-system-aarch64, 7.2 to 11.1.";
}

void Host::copy_from_guest(HardwareAddress address, void* bytes, uint64_t size) const {
    address_space_rw(address_space_memory, address, k_no_attributes, bytes, size, false);
}

void Host::copy_to_guest(HardwareAddress address, const void* bytes, uint64_t size) const {
    // One function for both directions takes a mutable buffer; a write only reads it.
    address_space_rw(address_space_memory, address, k_no_attributes, const_cast<void*>(bytes), size,
                     true);
}

Host& host() {
    static Host table{};
    return table;
}

}  // namespace rosenblatt::qemu
