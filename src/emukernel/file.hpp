// SPDX-License-Identifier: MIT
// File: one open file of the emulated device: its handles, its address space, its queue, its
// ioctls. Knows no file descriptors; whoever hands those out (Port, shim) passes the calls on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "emukernel/buffer.hpp"
#include "emukernel/kernel.hpp"
#include "emukernel/queued_job.hpp"
#include "emukernel/scheduler.hpp"

namespace rosenblatt::emukernel {

/// File descriptors of dma-bufs, for PRIME. 0 or positive, or -errno.
class BufferFds {
  public:
    virtual ~BufferFds() = default;
    /// A new descriptor that holds the buffer.
    virtual int install(std::shared_ptr<Buffer> buffer) = 0;
    /// 0 and the buffer, -EBADF for no descriptor, -EINVAL for one of something else.
    virtual int find(int fd, std::shared_ptr<Buffer>* buffer) = 0;
};

class File {
  public:
    explicit File(std::shared_ptr<Kernel> kernel);
    /// close(): handles go first, then it waits until every queued job has started.
    ~File();
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    /// `arg` is the caller's pointer and may be bad (EFAULT). 0 or positive, or -errno.
    int ioctl(unsigned long request, uint64_t arg, BufferFds& fds);

    /// What mmap at `offset` would map: 0 and the buffer, -EINVAL where no BO begins or for more
    /// than its pages, -EACCES for a BO this file has no handle of.
    int find_mapping(uint64_t offset, size_t length, std::shared_ptr<Buffer>* buffer);

    const std::shared_ptr<Kernel>& kernel() const { return kernel_; }

  private:
    struct Command;
    static const Command* find_command(unsigned number);

    int version(void* data, BufferFds& fds);
    int gem_close(void* data, BufferFds& fds);
    int prime_handle_to_fd(void* data, BufferFds& fds);
    int prime_fd_to_handle(void* data, BufferFds& fds);
    int unsupported(void* data, BufferFds& fds);
    int create_bo(void* data, BufferFds& fds);
    int submit(void* data, BufferFds& fds);
    int prep_bo(void* data, BufferFds& fds);
    int fini_bo(void* data, BufferFds& fds);

    int submit_job(const drm_rocket_job& job);
    int look_up_all(uint64_t handles, uint32_t count,
                    std::vector<std::shared_ptr<Buffer>>* buffers);
    std::shared_ptr<Buffer> look_up(uint32_t handle);
    uint32_t add_handle(std::shared_ptr<Buffer> buffer);

    std::shared_ptr<Kernel> kernel_;
    std::shared_ptr<AddressSpace> space_;
    Entity entity_;
    unsigned lane_;
    std::mutex mutex_;
    std::map<uint32_t, std::shared_ptr<Buffer>> handles_;
    uint32_t lowest_maybe_free_ = 1;
};

}  // namespace rosenblatt::emukernel
