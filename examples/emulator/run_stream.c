/* SPDX-License-Identifier: MIT */
/* Runs one command stream over buffers from files on an emulated NPU core and writes a buffer as it is afterwards.
 *
 *   cc -o run_stream run_stream.c -lrosenblatt-emulator
 *   run_stream STREAM_IOVA WORDS OUT_IOVA OUT_FILE IOVA=FILE|IOVA=+BYTES ...      numbers as in C: 0x1000 is hexadecimal
 */
#include <rosenblatt/emulator.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct buffer {
    uint64_t iova;
    size_t size;
    unsigned char *bytes;
};

struct memory {
    struct buffer buffers[16];
    int count;
};

/* The host's address of an IOVA that has `size` bytes behind it. */
static unsigned char *find(struct memory *memory, uint64_t iova, size_t size)
{
    for (int i = 0; i < memory->count; ++i) {
        const struct buffer *b = &memory->buffers[i];
        if (iova >= b->iova && size <= b->size && iova - b->iova <= b->size - size)
            return b->bytes + (iova - b->iova);
    }
    return NULL;
}

static int read_memory(void *context, uint64_t iova, void *bytes, size_t size, uint64_t *fault)
{
    const unsigned char *from = find(context, iova, size);
    if (!from) {
        *fault = iova;
        return -1;
    }
    memcpy(bytes, from, size);
    return 0;
}

static int write_memory(void *context, uint64_t iova, const void *bytes, size_t size, uint64_t *fault)
{
    unsigned char *to = find(context, iova, size);
    if (!to) {
        *fault = iova;
        return -1;
    }
    memcpy(to, bytes, size);
    return 0;
}

/* IOVA=FILE, or IOVA=+BYTES for a buffer of zeros. */
static int add_buffer(struct memory *memory, const char *argument)
{
    struct buffer *b = &memory->buffers[memory->count];
    const char *equals = strchr(argument, '=');
    if (!equals || memory->count == (int)(sizeof memory->buffers / sizeof memory->buffers[0]))
        return -1;
    b->iova = strtoull(argument, NULL, 0);
    if (equals[1] == '+') {
        b->size = strtoull(equals + 2, NULL, 0);
        b->bytes = calloc(1, b->size + 1);
    } else {
        FILE *file = fopen(equals + 1, "rb");
        if (!file || fseek(file, 0, SEEK_END) != 0)
            return -1;
        b->size = (size_t)ftell(file);
        b->bytes = malloc(b->size + 1);
        rewind(file);
        if (!b->bytes || fread(b->bytes, 1, b->size, file) != b->size)
            return -1;
        fclose(file);
    }
    memory->count++;
    return b->bytes ? 0 : -1;
}

static int write_buffer(const struct memory *memory, uint64_t iova, const char *name)
{
    for (int i = 0; i < memory->count; ++i) {
        const struct buffer *b = &memory->buffers[i];
        FILE *file = b->iova == iova ? fopen(name, "wb") : NULL;
        if (file)
            return fwrite(b->bytes, 1, b->size, file) == b->size && fclose(file) == 0 ? 0 : -1;
    }
    return -1;
}

int main(int argc, char **argv)
{
    static struct memory memory;
    const struct rosenblatt_bus bus = {&memory, read_memory, write_memory};
    struct rosenblatt_outcome outcome;
    struct rosenblatt_core *core = rosenblatt_core_new(0);

    if (argc < 6 || !core) {
        fprintf(stderr, "usage: run_stream STREAM_IOVA WORDS OUT_IOVA OUT_FILE IOVA=FILE|IOVA=+BYTES ...\n");
        return 2;
    }
    for (int i = 5; i < argc; ++i) {
        if (add_buffer(&memory, argv[i]) != 0) {
            fprintf(stderr, "run_stream: cannot use %s\n", argv[i]);
            return 2;
        }
    }
    /* Twice: the second kick finds the first one's interrupt, as the kernel's handler does. */
    for (int task = 0; task < 2; ++task) {
        rosenblatt_core_kick(core, (uint32_t)strtoul(argv[1], NULL, 0), (uint32_t)strtoul(argv[2], NULL, 0));
        rosenblatt_core_run(core, &bus, &outcome);
        rosenblatt_core_complete(core);
        if (outcome.completion != ROSENBLATT_DONE)
            break;
    }
    if (outcome.completion != ROSENBLATT_DONE) {
        fprintf(stderr, "run_stream: %s: %s\n", outcome.fault, outcome.sentence);
        return 1;
    }
    printf("done, %.1f us modelled, interrupt line %d\n", outcome.modelled_ns / 1e3, rosenblatt_core_irq(core));
    rosenblatt_core_free(core);
    return write_buffer(&memory, strtoull(argv[3], NULL, 0), argv[4]) == 0 ? 0 : 1;
}
