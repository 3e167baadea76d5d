// SPDX-License-Identifier: MIT
#include "emukernel/user_memory.hpp"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "base/unique_fd.hpp"

namespace rosenblatt::emukernel {
namespace {

enum class Direction { FromUser, ToUser };
enum class Copied { Yes, Fault, Unsupported };

// process_vm_readv on ourselves: the kernel checks both sides and answers EFAULT instead of a
// signal.
Copied copy_by_process_vm(Direction direction, void* ours, void* user, size_t size) {
    const pid_t self = ::getpid();
    size_t done = 0;
    while (done < size) {
        const iovec local{static_cast<char*>(ours) + done, size - done};
        const iovec remote{static_cast<char*>(user) + done, size - done};
        const ssize_t moved = direction == Direction::FromUser
                                  ? ::process_vm_readv(self, &local, 1, &remote, 1, 0)
                                  : ::process_vm_writev(self, &local, 1, &remote, 1, 0);
        if (moved < 0 && (errno == ENOSYS || errno == EPERM)) return Copied::Unsupported;
        if (moved <= 0) return Copied::Fault;
        done += static_cast<size_t>(moved);
    }
    return Copied::Yes;
}

// Where process_vm_readv does not exist (user-mode QEMU, strict seccomp): through a pipe, whose
// read and write answer EFAULT just as well.
bool copy_by_pipe(Direction direction, void* ours, void* user, size_t size) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return false;
    const UniqueFd reader(ends[0]);
    const UniqueFd writer(ends[1]);
    char* const from = static_cast<char*>(direction == Direction::FromUser ? user : ours);
    char* const to = static_cast<char*>(direction == Direction::FromUser ? ours : user);
    constexpr size_t k_chunk = 4096;  // less than any pipe holds, so a write never blocks
    for (size_t done = 0; done < size;) {
        const ssize_t in = ::write(writer.get(), from + done, std::min(k_chunk, size - done));
        if (in <= 0) return false;
        for (ssize_t out = 0; out < in;) {
            const ssize_t moved = ::read(reader.get(), to + done, static_cast<size_t>(in - out));
            if (moved <= 0) return false;
            out += moved;
            done += static_cast<size_t>(moved);
        }
    }
    return true;
}

void* pointer_to(uint64_t user) {
    return reinterpret_cast<void*>(static_cast<uintptr_t>(user));
}

bool copy(Direction direction, void* ours, uint64_t user, size_t size) {
    static std::atomic<bool> process_vm_works{true};
    if (process_vm_works.load(std::memory_order_relaxed)) {
        const Copied copied = copy_by_process_vm(direction, ours, pointer_to(user), size);
        if (copied != Copied::Unsupported) return copied == Copied::Yes;
        process_vm_works = false;
    }
    return copy_by_pipe(direction, ours, pointer_to(user), size);
}

}  // namespace

bool copy_from_user(void* to, uint64_t user, size_t size) {
    return copy(Direction::FromUser, to, user, size);
}

bool copy_to_user(uint64_t user, const void* from, size_t size) {
    return copy(Direction::ToUser, const_cast<void*>(from), user, size);
}

bool copy_from_user_by_pipe(void* to, uint64_t user, size_t size) {
    return copy_by_pipe(Direction::FromUser, to, pointer_to(user), size);
}

bool copy_to_user_by_pipe(uint64_t user, const void* from, size_t size) {
    return copy_by_pipe(Direction::ToUser, const_cast<void*>(from), pointer_to(user), size);
}

}  // namespace rosenblatt::emukernel
