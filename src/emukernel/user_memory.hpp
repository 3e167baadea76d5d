// SPDX-License-Identifier: MIT
// Copies from and to the caller's memory that survive a bad pointer, as copy_from_user does: the
// shim lives in other people's programs, whose pointers are not ours to trust.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rosenblatt::emukernel {

/// False (EFAULT) when any byte of the caller's range cannot be read; `to` is then undefined.
bool copy_from_user(void* to, uint64_t user, size_t size);

/// False (EFAULT) when any byte of the caller's range cannot be written.
bool copy_to_user(uint64_t user, const void* from, size_t size);

/// The same where the host has no process_vm_readv; the calls above turn to them by themselves.
bool copy_from_user_by_pipe(void* to, uint64_t user, size_t size);
bool copy_to_user_by_pipe(uint64_t user, const void* from, size_t size);

}  // namespace rosenblatt::emukernel
