// SPDX-License-Identifier: MIT
// matmul::Device: the NPU as a set of lanes, with what all matmuls on it share: the plan cache, the
// lanes' work buffers, the counters and the lock. One per process; open it at the first pack.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>

#include "base/options.hpp"
#include "base/result.hpp"
#include "compile/plan.hpp"

namespace rosenblatt {
class KernelPort;
namespace rocket {
class Capture;
}
}  // namespace rosenblatt

namespace rosenblatt::matmul {

struct DeviceOptions {
    unsigned lanes = 3;                ///< open files = cores used at once, at least 1
    Verify verify = Verify::Checksum;  ///< how finished tiles are proved
    Board board = Board::Lpddr5;       ///< for plans and modelled time
    double clock_mhz = 200;            ///< NPU clock that plans and job lengths assume
    /// Packed weights of all lanes together; work buffers come on top.
    uint64_t mem_max_bytes = std::numeric_limits<uint64_t>::max();
    compile::Limits limits;  ///< what one task may be; tests shrink it
    /// Where every job is written as a replay folder; empty: nowhere.
    std::shared_ptr<rocket::Capture> capture;
    /// Gets the lines for people: one for the first fault of each kind (see Complaints). Called
    /// under the device's lock.
    std::function<void(const std::string&)> warn;
};

/// Counters since the device was opened; `DESIGN` section 9 names them the same.
struct Stats {
    struct Checksum {
        uint64_t checked = 0;       ///< tiles proved
        uint64_t mismatch = 0;      ///< tiles whose proof failed, each attempt counted
        uint64_t retried = 0;       ///< tiles run again, on their own or another lane
        uint64_t cpu_fallback = 0;  ///< tiles that came from matmul/reference in the end
    };
    struct HostMs {
        double pack = 0;    ///< activations: rotate, quantise, write the cubes
        double wait = 0;    ///< for the NPU; for cores while loops want more than there are free
        double unpack = 0;  ///< prove, sum, scale
    };

    uint64_t multiplies = 0;  ///< finished products (one per Output)
    uint64_t macs = 0;        ///< M*K*N of them, without padding
    uint64_t tasks = 0;
    uint64_t jobs = 0;
    uint64_t submits = 0;    ///< SUBMIT ioctls
    uint64_t splits = 0;     ///< K-splits and K-slices beyond the first, summed on the host
    uint64_t dma_bytes = 0;  ///< modelled: weights + features + output of every task
    uint64_t weight_bytes_packed = 0;
    uint64_t lanes_taken_out = 0;
    Checksum checksum;
    HostMs host_ms;
    uint64_t host_bytes = 0;     ///< read and written by the host in pack and unpack
    double npu_ms_modelled = 0;  ///< of all tasks, whichever core ran them
};

/// Thread-safe: pack and multiply may be called from any thread, one product runs at a time.
class Device {
  public:
    /// Opens `options.lanes` files at `path` through `port`, which must outlive the device.
    /// Errors: no such node, no permission, not the rocket driver (the message says what to do).
    static Result<std::unique_ptr<Device>> open(KernelPort& port, const std::string& path,
                                                const DeviceOptions& options);
    ~Device();
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    unsigned lanes() const;
    const DeviceOptions& options() const;
    Stats stats() const;
    /// Bytes of BOs alive now: packed weights and work buffers.
    uint64_t bo_bytes() const;
    /// True when no lane answers any more; multiply still gives right answers, from the CPU.
    bool lost() const;

    struct State;  ///< the engine's own; src/matmul only
    State& state() { return *state_; }

  private:
    explicit Device(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace rosenblatt::matmul
