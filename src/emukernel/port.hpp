// SPDX-License-Identifier: MIT
// Port: the KernelPort that needs no kernel. One emulated device at /dev/accel/accel0, with small
// file descriptors of its own.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <variant>

#include "base/kernel_port.hpp"
#include "base/result.hpp"
#include "emukernel/file.hpp"
#include "emukernel/kernel.hpp"

namespace rosenblatt::emukernel {

class Port final : public KernelPort, private BufferFds {
  public:
    static Result<std::unique_ptr<Port>> create(Config config = {});
    ~Port() override;

    int open(const char* path, int flags) override;
    int close(int fd) override;
    int ioctl(int fd, unsigned long request, void* arg) override;
    int mmap(int fd, size_t length, uint64_t offset, void** address) override;
    int munmap(void* address, size_t length) override;

    /// Counters and the emulated memory.
    Kernel& kernel() { return *kernel_; }

  private:
    struct OpenFile {
        std::shared_ptr<File> file;
    };
    struct DmaBuf {
        std::shared_ptr<Buffer> buffer;
    };
    using Descriptor = std::variant<OpenFile, DmaBuf>;

    struct MappedBuffer {
        size_t length;
        std::shared_ptr<Buffer> buffer;  ///< a mapping keeps its BO alive
    };

    explicit Port(std::shared_ptr<Kernel> kernel) : kernel_(std::move(kernel)) {}
    int install(std::shared_ptr<Buffer> buffer) override;
    int find(int fd, std::shared_ptr<Buffer>* buffer) override;
    int add(Descriptor descriptor);
    std::shared_ptr<File> file(int fd);

    std::shared_ptr<Kernel> kernel_;
    std::mutex mutex_;
    std::map<int, Descriptor> descriptors_;
    std::multimap<void*, MappedBuffer> mapped_;  ///< every mapping of a BO is the BO's own memory
};

}  // namespace rosenblatt::emukernel
