// SPDX-License-Identifier: MIT
// Device: the emulated NPU of this process behind real file descriptors.
//
// Every open file is another open description of the one memfd in which all BOs lie at their mmap
// offsets. So fstat, dup, fcntl, poll and exec need no help, and mmap only a check. Which open file
// a descriptor belongs to is written in its file position: duplicates share it, nobody else
// touches it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "emukernel/file.hpp"
#include "emukernel/kernel.hpp"

namespace rosenblatt::shim {

class Device final : private emukernel::BufferFds {
  public:
    /// The device of this process, made at the first call and never destroyed: 0 or -errno. After a
    /// fork the child gets one of its own.
    static int get(Device** device);
    /// The device whose descriptor `fd` is; null for all other files.
    static Device* of(int fd);
    /// The newest device, of this process or an ancestor; null before the first.
    static Device* newest();
    /// The one that was there before a fork.
    Device* older() const { return older_; }

    // As the system calls of the same names: 0 or positive, or -errno.
    int open(int flags);
    int ioctl(int fd, unsigned long request, void* arg);
    int mmap(int fd, void* address, size_t length, int protection, int flags, uint64_t offset,
             void** mapped);
    int close(int fd);

    /// A range of the process's memory is gone: mappings inside it no longer keep their BOs.
    void unmapped(void* address, size_t length);

  private:
    /// An open file, or a dma-buf.
    struct Description {
        std::shared_ptr<emukernel::File> file;
        std::shared_ptr<emukernel::Buffer> buffer;
    };
    struct Mapping {
        size_t length;
        std::shared_ptr<emukernel::Buffer> buffer;
    };
    using Mappings = std::map<uintptr_t, Mapping>;

    explicit Device(std::shared_ptr<emukernel::Kernel> kernel);
    static int make(Device** device);
    static void before_fork();
    static void after_fork();

    int install(std::shared_ptr<emukernel::Buffer> buffer) override;
    int find(int fd, std::shared_ptr<emukernel::Buffer>* buffer) override;

    bool owns(int fd) const;
    int add(Description description, int flags);
    Description description(int fd);
    int find_buffer(const Description& description, uint64_t offset, size_t length,
                    std::shared_ptr<emukernel::Buffer>* buffer, uint64_t* memfd_offset);
    void forget_closed();

    std::shared_ptr<emukernel::Kernel> kernel_;
    dev_t filesystem_ = 0;
    ino_t inode_ = 0;
    Device* older_ = nullptr;

    std::mutex descriptions_mutex_;
    std::map<off_t, Description> descriptions_;  ///< by file position, from 1
    off_t last_position_ = 0;
    std::mutex mappings_mutex_;  ///< nothing is allocated or freed under it: munmap may be malloc's
    Mappings mappings_;
};

}  // namespace rosenblatt::shim
