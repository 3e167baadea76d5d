/* SPDX-License-Identifier: MIT */
/* librosenblatt-emulator: one core of an emulated RK3588 NPU for programs in C, or in whatever can
 * call C.
 *
 *   struct rosenblatt_core *core = rosenblatt_core_new(0);
 *   rosenblatt_core_kick(core, stream_iova, words);           the register writes of rocket.ko
 *   rosenblatt_core_run(core, &bus, &outcome);                fetches and executes, on this thread
 *   rosenblatt_core_complete(core);                           the interrupt bits rise
 *
 * Cores share nothing: one core per thread, as many as you like. Nothing here aborts, prints or
 * reads the environment.
 */
#ifndef ROSENBLATT_EMULATOR_H
#define ROSENBLATT_EMULATOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rosenblatt_core;

/* The memory behind the core's IOMMU. Both copy `size` bytes from or to `iova` on and return 0;
 * where nothing is mapped they store the first such address in *fault and return anything else. */
struct rosenblatt_bus {
    void* context;
    int (*read)(void* context, uint64_t iova, void* bytes, size_t size, uint64_t* fault);
    int (*write)(void* context, uint64_t iova, const void* bytes, size_t size, uint64_t* fault);
};

/* The three register windows of the device tree node. */
enum rosenblatt_window { ROSENBLATT_PC, ROSENBLATT_CNA, ROSENBLATT_CORE };

enum rosenblatt_completion {
    ROSENBLATT_DONE,
    ROSENBLATT_HUNG,      /* no interrupt would ever come */
    ROSENBLATT_BUS_FAULT, /* DMA met an address without memory */
};

struct rosenblatt_outcome {
    enum rosenblatt_completion completion;
    const char* fault;    /* its name, "" when done */
    const char* sentence; /* what happened, with values; both valid until the core's next run */
    uint32_t word;        /* index in the stream: the offending word, or the enable word */
    uint64_t iova;        /* of a bus fault */
    uint64_t mac_cycles, dma_bytes;
    double modelled_ns;
};

/* NULL: no memory. `index` (0 to 2) is what the core tells about itself. */
struct rosenblatt_core* rosenblatt_core_new(unsigned index);
void rosenblatt_core_free(struct rosenblatt_core* core);

/* "NAME=VALUE" as `rosenblatt replay --switch` takes it. NULL when done, else a sentence that says
 * what there is, valid until the core's next call. */
const char* rosenblatt_core_switch(struct rosenblatt_core* core, const char* assignment);

/* Registers, CBUF and interrupts as after power-on. */
void rosenblatt_core_reset(struct rosenblatt_core* core);

/* `offset` inside the window; elsewhere writes do nothing and reads give 0. */
void rosenblatt_core_write(struct rosenblatt_core* core, enum rosenblatt_window window,
                           uint32_t offset, uint32_t value);
uint32_t rosenblatt_core_read(const struct rosenblatt_core* core, enum rosenblatt_window window,
                              uint32_t offset);

/* What rocket.ko writes to start one task, `words` 64-bit words from `stream` on; where the interrupt
 * of the task before is still up, first what its handler writes. A core that hung or met a bus fault
 * starts nothing more until rosenblatt_core_reset, which is what the kernel does after 500 ms. */
void rosenblatt_core_kick(struct rosenblatt_core* core, uint32_t stream, uint32_t words);

/* Executes what was kicked and tells how it went; without a kick it hangs. */
void rosenblatt_core_run(struct rosenblatt_core* core, const struct rosenblatt_bus* bus,
                         struct rosenblatt_outcome* outcome);

/* Lets the outcome of the last run become visible in the interrupt registers. */
void rosenblatt_core_complete(struct rosenblatt_core* core);

/* Level of the interrupt line. */
int rosenblatt_core_irq(const struct rosenblatt_core* core);

#ifdef __cplusplus
}
#endif

#endif
