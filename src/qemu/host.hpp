// SPDX-License-Identifier: GPL-2.0-or-later
// What we use of QEMU: functions that Debian's binary exports (it is built with loadable modules),
// looked up by name at start, so that a QEMU without one of them is refused with a sentence.
#pragma once

#include <cstdint>
#include <string>

namespace rosenblatt::qemu {

using HardwareAddress = uint64_t;

/// QEMU's MemoryRegionOps, as laid out in 7.2 to 11.1.
struct MemoryRegionOps {
    uint64_t (*read)(void* opaque, HardwareAddress address, unsigned size);
    void (*write)(void* opaque, HardwareAddress address, uint64_t value, unsigned size);
    void* read_with_attrs;
    void* write_with_attrs;
    int endianness;  ///< 2: little endian
    struct {
        unsigned min_access_size, max_access_size;
        bool unaligned;
        void* accepts;
    } valid;
    struct {
        unsigned min_access_size, max_access_size;
        bool unaligned;
    } impl;
};

struct Notifier {
    void (*notify)(Notifier* self, void* data);
    void* links[2];
};

/// The functions, one member each. Valid after load().
struct Host {
    void (*memory_region_init_io)(void* region, void* owner, const MemoryRegionOps*, void* opaque,
                                  const char* name, uint64_t size);
    void (*memory_region_add_subregion)(void* region, HardwareAddress, void* subregion);
    void* (*get_system_memory)();
    void* (*object_resolve_path_type)(const char* path, const char* type, bool* ambiguous);
    void* (*qdev_get_gpio_in)(void* device, int n);
    void (*qemu_set_irq)(void* irq, int level);
    void* address_space_memory;  ///< a variable: the bus that CPUs and devices see
    /// Attributes are a struct of 4 or 8 bytes, which travels as an integer.
    unsigned (*address_space_rw)(void* space, HardwareAddress, uint64_t attributes, void* buffer,
                                 HardwareAddress length, bool is_write);
    void (*qemu_add_machine_init_done_notifier)(Notifier*);
    void (*timer_init_full)(void* timer, void* group, int clock, int scale, int attributes,
                            void (*callback)(void*), void* opaque);
    void (*timer_mod_ns)(void* timer, int64_t when);
    int64_t (*qemu_clock_get_ns)(int clock);
    void (*cpu_disable_ticks)();
    void (*cpu_enable_ticks)();
    void (*qemu_plugin_register_atexit_cb)(uint64_t id, void (*callback)(uint64_t, void*), void*);

    void copy_from_guest(HardwareAddress, void* bytes, uint64_t size) const;
    void copy_to_guest(HardwareAddress, const void* bytes, uint64_t size) const;

    /// Looks every function up. On failure returns a sentence that names the missing ones.
    std::string load();
};

/// The one table of this process: QEMU is one program with one machine.
Host& host();

/// An access like a CPU's plain one.
inline constexpr uint64_t k_no_attributes = 0;

/// QEMU's clock that stands still while the guest does.
inline constexpr int k_virtual_clock = 1;

}  // namespace rosenblatt::qemu
