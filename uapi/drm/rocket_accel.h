/* SPDX-License-Identifier: MIT */
/*
 * The kernel ABI of drivers/accel/rocket, Linux 6.18 to 7.3, written from its documented layout:
 * four ioctls on /dev/accel/accelN, type 'd', command numbers from DRM_COMMAND_BASE (0x40) up.
 * Names follow the kernel's so that kernel developers recognise them.
 */
#ifndef ROSENBLATT_UAPI_ROCKET_ACCEL_H
#define ROSENBLATT_UAPI_ROCKET_ACCEL_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* IOWR: makes a buffer object; pages are allocated, zeroed, pinned and mapped for the NPU at once. */
struct drm_rocket_create_bo {
	__u32 size;        /* in: bytes, rounded up to pages by the kernel */
	__u32 handle;      /* out: GEM handle, private to the open file */
	__u64 dma_address; /* out: IOVA; 0 is a valid address, the first buffer has it */
	__u64 offset;      /* out: where to mmap it */
};

/* IOW: waits for the jobs that write this buffer, then makes it coherent for the CPU. */
struct drm_rocket_prep_bo {
	__u32 handle;
	__u32 reserved;  /* must be 0 */
	__s64 timeout_ns; /* absolute CLOCK_MONOTONIC; 0 polls */
};

/* IOW: gives the buffer back to the device. */
struct drm_rocket_fini_bo {
	__u32 handle;
	__u32 reserved; /* must be 0 */
};

/* One register-command stream, started once. */
struct drm_rocket_task {
	__u32 regcmd;       /* IOVA of the first 64-bit word, 16-byte aligned */
	__u32 regcmd_count; /* number of 64-bit words */
};

/* Tasks that run in order on one core. */
struct drm_rocket_job {
	__u64 tasks;             /* user pointer to task_count task structs */
	__u64 in_bo_handles;     /* user pointer to u32 handles */
	__u64 out_bo_handles;    /* user pointer to u32 handles; only these get a fence */
	__u32 task_count;
	__u32 task_struct_size;  /* at least 8 */
	__u32 in_bo_handle_count;
	__u32 out_bo_handle_count;
};

/* IOW: queues jobs; returns 0 even when every single job was rejected. */
struct drm_rocket_submit {
	__u64 jobs; /* user pointer to job_count job structs */
	__u32 job_count;
	__u32 job_struct_size; /* at least 40 */
	__u64 reserved;        /* must be 0 */
};

#define DRM_IOCTL_ROCKET_CREATE_BO _IOWR('d', 0x40, struct drm_rocket_create_bo)
#define DRM_IOCTL_ROCKET_SUBMIT    _IOW('d', 0x41, struct drm_rocket_submit)
#define DRM_IOCTL_ROCKET_PREP_BO   _IOW('d', 0x42, struct drm_rocket_prep_bo)
#define DRM_IOCTL_ROCKET_FINI_BO   _IOW('d', 0x43, struct drm_rocket_fini_bo)

/* The generic DRM calls we need; libdrm is not a dependency. */
struct drm_rocket_gem_close {
	__u32 handle;
	__u32 pad;
};

struct drm_rocket_prime_handle {
	__u32 handle;
	__u32 flags; /* DRM_CLOEXEC (O_CLOEXEC), DRM_RDWR (O_RDWR) */
	__s32 fd;    /* of the dma-buf */
};

struct drm_rocket_version {
	int version_major;
	int version_minor;
	int version_patchlevel;
	__kernel_size_t name_len;
	char *name;
	__kernel_size_t date_len;
	char *date;
	__kernel_size_t desc_len;
	char *desc;
};

#define DRM_IOCTL_ROCKET_VERSION   _IOWR('d', 0x00, struct drm_rocket_version)
#define DRM_IOCTL_ROCKET_GEM_CLOSE _IOW('d', 0x09, struct drm_rocket_gem_close)
#define DRM_IOCTL_ROCKET_PRIME_HANDLE_TO_FD _IOWR('d', 0x2d, struct drm_rocket_prime_handle)
#define DRM_IOCTL_ROCKET_PRIME_FD_TO_HANDLE _IOWR('d', 0x2e, struct drm_rocket_prime_handle)

#endif
