// SPDX-License-Identifier: MIT
// Any order of any calls on the emulated device, with any bytes in their structs: each answers,
// nothing is touched that is not the caller's, and closing ends everything.
#include <fcntl.h>
#include <fuzzer/FuzzedDataProvider.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <vector>

#include "compile/emit_matmul.hpp"
#include "drm/rocket_accel.h"
#include "emukernel/port.hpp"
#include "require.hpp"

namespace rosenblatt::fuzz {
namespace {

constexpr size_t k_page = 4096;

/// Two pages of the caller's memory with none behind: a struct may lie across the end.
class CallerMemory {
  public:
    CallerMemory() {
        void* const mapped =
            ::mmap(nullptr, 3 * k_page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        FUZZ_REQUIRE(mapped != MAP_FAILED);
        base_ = static_cast<uint8_t*>(mapped);
        FUZZ_REQUIRE(::mprotect(base_, 2 * k_page, PROT_READ | PROT_WRITE) == 0);
    }
    uint8_t* at(size_t offset) const { return base_ + offset % (2 * k_page); }
    /// Good, bad, or good only at its beginning.
    uint64_t pointer(FuzzedDataProvider& input) const {
        const auto choice = input.ConsumeIntegralInRange<uint8_t>(0, 7);
        if (choice == 0) return 0;
        if (choice == 1) return uint64_t{1} << 63 | 0xdead000;
        if (choice == 2) return reinterpret_cast<uintptr_t>(base_ + 2 * k_page - 8);
        return reinterpret_cast<uintptr_t>(at(input.ConsumeIntegral<uint16_t>()));
    }

  private:
    uint8_t* base_;
};

class Caller {
  public:
    Caller(FuzzedDataProvider& input, const CallerMemory& memory) : input_(input), memory_(memory) {
        emukernel::Config config;
        config.cores = input.ConsumeIntegralInRange<unsigned>(1, 3);
        config.watchdog = std::chrono::milliseconds(1);
        config.switches.work_limit = 1 << 16;
        if (auto faults = emukernel::parse_faults(input.ConsumeRandomLengthString(40)); faults)
            config.faults = *faults;
        auto port = emukernel::Port::create(config);
        FUZZ_REQUIRE(port.ok());
        port_ = std::move(port).value();
    }

    void call() {
        static constexpr void (Caller::*k_calls[])() = {
            &Caller::open,     &Caller::close,  &Caller::create, &Caller::anything,
            &Caller::submit,   &Caller::submit, &Caller::prep,   &Caller::fini,
            &Caller::free,     &Caller::map,    &Caller::unmap,  &Caller::export_fd,
            &Caller::import_fd};
        (this->*k_calls[input_.ConsumeIntegralInRange<size_t>(0, std::size(k_calls) - 1)])();
    }

  private:
    struct Mapped {
        void* address;
        size_t length;
    };

    int fd() {
        if (fds_.empty() || input_.ConsumeProbability<float>() < 0.1F)
            return input_.ConsumeIntegralInRange(-1, 9);
        return fds_[input_.ConsumeIntegralInRange<size_t>(0, fds_.size() - 1)];
    }
    uint32_t handle() {
        return input_.ConsumeBool() ? input_.ConsumeIntegralInRange<uint32_t>(0, 5)
                                    : input_.ConsumeIntegral<uint32_t>();
    }
    int ioctl(unsigned long request, void* arg) {
        const int result = port_->ioctl(fd(), request, arg);
        FUZZ_REQUIRE(result > -4096);
        return result;
    }

    void open() {
        if (fds_.size() == 6) return;
        const int flags = input_.ConsumeBool() ? O_RDWR : input_.ConsumeIntegral<int>();
        const int opened = port_->open(emukernel::k_device_path, flags);
        FUZZ_REQUIRE(opened >= 0 || opened == -EBUSY || opened == -ENODEV);
        if (opened >= 0) fds_.push_back(opened);
    }
    void close() {
        const int closed = fd();
        (void)port_->close(closed);
        std::erase(fds_, closed);
    }

    void create() {
        drm_rocket_create_bo create{};
        create.size = input_.ConsumeBool() ? input_.ConsumeIntegralInRange<uint32_t>(0, 65536)
                                           : input_.ConsumeIntegral<uint32_t>();
        create.handle = input_.ConsumeIntegral<uint32_t>();
        if (ioctl(DRM_IOCTL_ROCKET_CREATE_BO, &create) < 0) return;
        FUZZ_REQUIRE(create.handle != 0 && create.offset >= uint64_t{1} << 32);
        offsets_.push_back(create.offset);
    }

    /// Any number, direction and size; pointers inside are the caller's or bad, so that whatever is
    /// written there is nobody else's.
    void anything() {
        std::array<uint64_t, 32> bytes{};
        const auto random = input_.ConsumeBytes<uint8_t>(sizeof bytes);
        if (!random.empty()) std::memcpy(bytes.data(), random.data(), random.size());
        const auto number = input_.ConsumeIntegral<uint8_t>();
        constexpr size_t k_version_pointers[] = {3, 5, 7};
        if (number == 0)
            for (const size_t at : k_version_pointers) bytes[at] = memory_.pointer(input_);
        const auto size = input_.ConsumeIntegralInRange<unsigned>(0, sizeof bytes);
        const auto direction = input_.ConsumeIntegralInRange<unsigned>(0, 3);
        const unsigned type = input_.ConsumeBool() ? 'd' : input_.ConsumeIntegral<uint8_t>();
        const uint64_t arg = input_.ConsumeBool() ? reinterpret_cast<uintptr_t>(bytes.data())
                                                  : memory_.pointer(input_);
        // The struct was read from elsewhere then: what pointers it holds is not known.
        if (number == 0 && arg != reinterpret_cast<uintptr_t>(bytes.data())) return;
        (void)ioctl(_IOC(direction, type, number, size), reinterpret_cast<void*>(arg));
    }

    uint64_t handles(uint32_t& count) {
        if (input_.ConsumeProbability<float>() < 0.1F) {
            count = input_.ConsumeIntegral<uint32_t>();
            return memory_.pointer(input_);
        }
        std::vector<uint32_t>& list = handle_lists_.emplace_back();
        count = input_.ConsumeIntegralInRange<uint32_t>(0, 4);
        for (uint32_t i = 0; i < count; ++i) list.push_back(handle());
        return reinterpret_cast<uintptr_t>(list.data());
    }
    uint64_t tasks(uint32_t& count) {
        if (input_.ConsumeProbability<float>() < 0.1F) {
            count = input_.ConsumeIntegral<uint32_t>();
            return memory_.pointer(input_);
        }
        std::vector<drm_rocket_task>& list = task_lists_.emplace_back();
        count = input_.ConsumeIntegralInRange<uint32_t>(0, 3);
        for (uint32_t i = 0; i < count; ++i) {
            const auto iova = input_.ConsumeBool() ? 0 : input_.ConsumeIntegral<uint32_t>();
            list.push_back({iova, input_.ConsumeBool() ? 108 : input_.ConsumeIntegral<uint32_t>()});
        }
        return reinterpret_cast<uintptr_t>(list.data());
    }
    void submit() {
        std::array<drm_rocket_job, 2> jobs{};
        drm_rocket_submit submit{};
        submit.jobs = reinterpret_cast<uintptr_t>(jobs.data());
        submit.job_count = input_.ConsumeIntegralInRange<uint32_t>(0, jobs.size());
        submit.job_struct_size = sizeof(drm_rocket_job);
        for (uint32_t i = 0; i < submit.job_count; ++i) {
            jobs[i].tasks = tasks(jobs[i].task_count);
            jobs[i].task_struct_size = sizeof(drm_rocket_task);
            jobs[i].in_bo_handles = handles(jobs[i].in_bo_handle_count);
            jobs[i].out_bo_handles = handles(jobs[i].out_bo_handle_count);
        }
        const auto odd = input_.ConsumeIntegral<uint8_t>();
        if (odd == 1) submit.job_struct_size = input_.ConsumeIntegral<uint32_t>();
        if (odd == 2) submit.reserved = input_.ConsumeIntegral<uint64_t>();
        if (odd == 3) jobs[0].task_struct_size = input_.ConsumeIntegral<uint32_t>();
        if (odd == 4) submit.job_count = input_.ConsumeIntegral<uint32_t>();
        if (odd == 5) submit.jobs = memory_.pointer(input_);
        (void)ioctl(DRM_IOCTL_ROCKET_SUBMIT, &submit);
    }

    void prep() {
        drm_rocket_prep_bo prep{};
        prep.handle = handle();
        prep.reserved = input_.ConsumeProbability<float>() < 0.1F;
        prep.timeout_ns = input_.ConsumeIntegral<int64_t>();
        (void)ioctl(DRM_IOCTL_ROCKET_PREP_BO, &prep);
    }
    void fini() {
        drm_rocket_fini_bo fini{handle(), input_.ConsumeProbability<float>() < 0.1F};
        (void)ioctl(DRM_IOCTL_ROCKET_FINI_BO, &fini);
    }
    void free() {
        drm_rocket_gem_close close{handle(), input_.ConsumeIntegral<uint32_t>()};
        (void)ioctl(DRM_IOCTL_ROCKET_GEM_CLOSE, &close);
    }

    /// A mapping gets a stream that works, as far as it has room.
    void map() {
        const uint64_t offset =
            offsets_.empty() || input_.ConsumeProbability<float>() < 0.1F
                ? input_.ConsumeIntegral<uint64_t>()
                : offsets_[input_.ConsumeIntegralInRange<size_t>(0, offsets_.size() - 1)];
        const size_t length = input_.ConsumeBool() ? k_page : input_.ConsumeIntegral<size_t>();
        void* address = nullptr;
        if (port_->mmap(fd(), length, offset, &address) < 0) return;
        std::memcpy(address, stream().data(), std::min(length, stream().size() * 8));
        mapped_.push_back({address, length});
    }
    void unmap() {
        if (mapped_.empty()) return;
        const Mapped gone = mapped_.back();
        mapped_.pop_back();
        const bool odd = input_.ConsumeBool();
        const size_t length = odd ? input_.ConsumeIntegral<size_t>() : gone.length;
        const int unmapped = port_->munmap(gone.address, length);
        FUZZ_REQUIRE(odd || unmapped == 0);
    }

    void export_fd() {
        drm_rocket_prime_handle prime{handle(), input_.ConsumeIntegral<uint32_t>(), 0};
        if (input_.ConsumeBool()) prime.flags = O_CLOEXEC | O_RDWR;
        if (ioctl(DRM_IOCTL_ROCKET_PRIME_HANDLE_TO_FD, &prime) >= 0) fds_.push_back(prime.fd);
    }
    void import_fd() {
        drm_rocket_prime_handle prime{0, 0, fd()};
        (void)ioctl(DRM_IOCTL_ROCKET_PRIME_FD_TO_HANDLE, &prime);
    }

    static const std::vector<uint64_t>& stream() {
        static const std::vector<uint64_t> words = compile::emit_matmul(
            {.m = 1,
             .k = 32,
             .n = 32,
             .data_banks = 1,
             .weight_banks = 11,
             .features = compile::native_features(1),
             .output = compile::native_results(npu::Element::Int8, npu::Element::Int32, 1),
             .feature_address = 0x0,
             .weight_address = 0x0,
             .output_address = 0x1000});
        return words;
    }

    FuzzedDataProvider& input_;
    const CallerMemory& memory_;
    std::unique_ptr<emukernel::Port> port_;
    std::vector<int> fds_;
    std::vector<uint64_t> offsets_;
    std::vector<Mapped> mapped_;
    std::vector<std::vector<uint32_t>> handle_lists_;
    std::vector<std::vector<drm_rocket_task>> task_lists_;
};

}  // namespace
}  // namespace rosenblatt::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace rosenblatt::fuzz;
    static const CallerMemory memory;
    FuzzedDataProvider input(data, size);
    Caller caller(input, memory);
    for (int calls = 0; calls < 40 && input.remaining_bytes() > 0; ++calls) caller.call();
    return 0;
}
