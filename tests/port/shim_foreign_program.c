// SPDX-License-Identifier: MIT
// A program that knows nothing of the emulator and uses /dev/accel/accel0 as such programs do; run
// under the shim. One case per call, named by its argument; exit 1 at the first thing that is off.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drm/rocket_accel.h"

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "line %d: not so: %s (errno %s)\n", __LINE__, #condition, \
                    strerror(errno));                                                 \
            exit(1);                                                                  \
        }                                                                             \
    } while (0)

static const char* const k_path = "/dev/accel/accel0";

static int open_device(void) {
    const int fd = open(k_path, O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

static struct drm_rocket_create_bo create(int fd, uint32_t size) {
    struct drm_rocket_create_bo bo = {.size = size};
    CHECK(ioctl(fd, DRM_IOCTL_ROCKET_CREATE_BO, &bo) == 0);
    return bo;
}

static int prep(int fd, uint32_t handle, int64_t timeout_ns) {
    struct drm_rocket_prep_bo prep = {.handle = handle, .timeout_ns = timeout_ns};
    return ioctl(fd, DRM_IOCTL_ROCKET_PREP_BO, &prep);
}

static void fini(int fd, uint32_t handle) {
    struct drm_rocket_fini_bo fini = {.handle = handle};
    CHECK(ioctl(fd, DRM_IOCTL_ROCKET_FINI_BO, &fini) == 0);
}

static void gem_close(int fd, uint32_t handle) {
    struct drm_rocket_gem_close close_bo = {.handle = handle};
    CHECK(ioctl(fd, DRM_IOCTL_ROCKET_GEM_CLOSE, &close_bo) == 0);
}

static unsigned char* map(int fd, size_t size, uint64_t offset) {
    unsigned char* const bytes =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
    CHECK(bytes != MAP_FAILED);
    return bytes;
}

static void check_version(int fd) {
    char name[16] = "";
    struct drm_rocket_version version = {0};
    CHECK(ioctl(fd, DRM_IOCTL_ROCKET_VERSION, &version) == 0);
    CHECK(version.name_len == 6);
    version.name = name;
    CHECK(ioctl(fd, DRM_IOCTL_ROCKET_VERSION, &version) == 0);
    CHECK(strcmp(name, "rocket") == 0);
}

// The order of calls of Mesa 26.2: a first pass that counts devices and closes twice, a second one
// that works on a duplicate; every map between PREP_BO and FINI_BO, sizes that are no whole pages.
static void follows_mesa(void) {
    const int counted = open_device();
    check_version(counted);
    CHECK(close(counted) == 0);
    CHECK(close(counted) == -1 && errno == EBADF);

    const int opened = open_device();
    check_version(opened);
    const int fd = fcntl(opened, F_DUPFD_CLOEXEC, 3);
    CHECK(fd >= 0 && fd != opened);
    struct stat one, other;
    CHECK(fstat(opened, &one) == 0 && fstat(fd, &other) == 0);
    CHECK(one.st_ino == other.st_ino && one.st_dev == other.st_dev);
    CHECK(close(opened) == 0);

    const struct drm_rocket_create_bo bo = create(fd, 1088);
    CHECK(prep(fd, bo.handle, INT64_MAX) == 0);
    unsigned char* bytes = map(fd, 1088, bo.offset);
    for (int i = 0; i < 1088; ++i) CHECK(bytes[i] == 0);
    memset(bytes, 0x5a, 1088);
    fini(fd, bo.handle);
    CHECK(munmap(bytes, 1088) == 0);
    bytes = map(fd, 1088, bo.offset);
    CHECK(bytes[0] == 0x5a && bytes[1087] == 0x5a);
    CHECK(munmap(bytes, 1088) == 0);
    gem_close(fd, bo.handle);
    CHECK(close(fd) == 0);
}

static void two_files_are_two(void) {
    const int a = open_device();
    const int b = open("/dev/accel/accel0", O_RDWR);
    CHECK(b >= 0);
    const struct drm_rocket_create_bo first = create(a, 4096);
    const struct drm_rocket_create_bo second = create(b, 4096);
    CHECK(first.handle == second.handle);
    CHECK(first.dma_address == second.dma_address);
    CHECK(first.offset != second.offset);
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, b, (off_t)first.offset) == MAP_FAILED);
    CHECK(errno == EACCES);
    CHECK(mmap(NULL, 8192, PROT_READ, MAP_SHARED, b, (off_t)second.offset) == MAP_FAILED);
    CHECK(errno == EINVAL);
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, b, (off_t)second.offset) == MAP_FAILED);
    CHECK(close(a) == 0 && close(b) == 0);
}

static void maps_outlive_files(void) {
    const int fd = open_device();
    const struct drm_rocket_create_bo bo = create(fd, 8192);
    unsigned char* const bytes = map(fd, 8192, bo.offset);
    memset(bytes, 0x77, 8192);
    gem_close(fd, bo.handle);
    CHECK(close(fd) == 0);
    const int again = open_device();
    const struct drm_rocket_create_bo next = create(again, 8192);
    unsigned char* const fresh = map(again, 8192, next.offset);
    CHECK(fresh[0] == 0 && fresh[8191] == 0);
    memset(fresh, 0x11, 8192);
    CHECK(bytes[0] == 0x77 && bytes[8191] == 0x77);
    CHECK(munmap(bytes, 8192) == 0 && munmap(fresh, 8192) == 0 && close(again) == 0);
}

static void child(int inherited) {
    struct drm_rocket_create_bo bo = {.size = 4096};
    CHECK(ioctl(inherited, DRM_IOCTL_ROCKET_CREATE_BO, &bo) == -1 && errno == ENODEV);
    const int fd = open_device();
    check_version(fd);
    bo = create(fd, 4096);
    unsigned char* const bytes = map(fd, 4096, bo.offset);
    CHECK(bytes[0] == 0);
    memset(bytes, 0x22, 4096);
    CHECK(close(inherited) == 0 && close(fd) == 0);
    exit(0);
}

static void forks(void) {
    const int fd = open_device();
    const struct drm_rocket_create_bo bo = create(fd, 4096);
    unsigned char* const bytes = map(fd, 4096, bo.offset);
    memset(bytes, 0x33, 4096);
    for (int i = 0; i < 3; ++i) {
        const pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) child(fd);
        int status = 0;
        CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    CHECK(bytes[0] == 0x33 && bytes[4095] == 0x33);
    check_version(fd);
    (void)create(fd, 4096);
    CHECK(munmap(bytes, 4096) == 0 && close(fd) == 0);
}

static void* open_and_close(void* value) {
    for (int i = 0; i < 100; ++i) {
        const int fd = open_device();
        const struct drm_rocket_create_bo bo = create(fd, 4096);
        unsigned char* const bytes = map(fd, 4096, bo.offset);
        CHECK(bytes[0] == 0);
        memset(bytes, (int)(intptr_t)value, 4096);
        CHECK(bytes[4095] == (unsigned char)(intptr_t)value);
        if (i % 2) CHECK(munmap(bytes, 4096) == 0);
        CHECK(close(fd) == 0);
        if (i % 2 == 0) CHECK(munmap(bytes, 4096) == 0);
    }
    return NULL;
}

static void has_threads(void) {
    pthread_t threads[4];
    for (intptr_t i = 0; i < 4; ++i)
        CHECK(pthread_create(&threads[i], NULL, open_and_close, (void*)(i + 1)) == 0);
    for (int i = 0; i < 4; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
}

// With GGML_ROCKET_FAULT=hang:job=1: the driver says that all is well, and the output is old.
static void stale_after_a_hang(void) {
    const int fd = open_device();
    const struct drm_rocket_create_bo command = create(fd, 4096);
    const struct drm_rocket_create_bo output = create(fd, 4096);
    unsigned char* const bytes = map(fd, 4096, output.offset);
    memset(bytes, 0xee, 4096);
    struct drm_rocket_task task = {(uint32_t)command.dma_address, 130};
    struct drm_rocket_job job = {.tasks = (uintptr_t)&task,
                                 .out_bo_handles = (uintptr_t)&output.handle,
                                 .task_count = 1,
                                 .task_struct_size = sizeof task,
                                 .out_bo_handle_count = 1};
    struct drm_rocket_submit submit = {
        .jobs = (uintptr_t)&job, .job_count = 1, .job_struct_size = sizeof job};
    CHECK(ioctl(fd, DRM_IOCTL_ROCKET_SUBMIT, &submit) == 0);
    CHECK(prep(fd, output.handle, 0) == -1);
    CHECK(errno == EBUSY || errno == ETIMEDOUT);
    CHECK(prep(fd, output.handle, INT64_MAX) == 0);
    for (int i = 0; i < 4096; ++i) CHECK(bytes[i] == 0xee);
    CHECK(close(fd) == 0);
}

int main(int argc, char** argv) {
    static const struct {
        const char* name;
        void (*run)(void);
    } k_cases[] = {{"follows_mesa", follows_mesa},
                   {"two_files_are_two", two_files_are_two},
                   {"maps_outlive_files", maps_outlive_files},
                   {"forks", forks},
                   {"has_threads", has_threads},
                   {"stale_after_a_hang", stale_after_a_hang}};
    for (size_t i = 0; i < sizeof k_cases / sizeof *k_cases; ++i) {
        if (argc != 2 || strcmp(argv[1], k_cases[i].name) != 0) continue;
        k_cases[i].run();
        return 0;
    }
    fprintf(stderr, "no such case\n");
    return 1;
}
