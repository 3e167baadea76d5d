// SPDX-License-Identifier: MIT
// librosenblatt: matrix products on the RK3588's NPU, or on an emulated one, from any C++20
// program.
//
//   auto npu = rosenblatt::Npu::open();                           // as GGML_ROCKET_* says
//   auto w = rosenblatt::Matrix::pack(*npu, {n, k}, weights);     // once: quantised, in the NPU's
//   memory auto done = rosenblatt::multiply(*w, x, m, y);                // often: y[m][n] =
//   x[m][k] * w[n][k]^T
//
// Every Result is asked before its value is used: `if (!npu) complain(npu.error().message)`.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "matmul/parallel.hpp"

#define ROSENBLATT_API __attribute__((visibility("default")))

namespace rosenblatt {

/// The variables of docs/environment.md by name, e.g. {"GGML_ROCKET_DEVICE", "emulator"}.
using Settings = std::map<std::string, std::string>;
/// Gets whole sentences for people: settings that cannot be used, the first tile that failed its
/// proof.
using Warning = std::function<void(const std::string&)>;

/// Lends threads: see its header.
using matmul::ParallelFor;

/// What has happened since the device was opened.
struct Counters {
    uint64_t products = 0;
    uint64_t macs = 0;  ///< M*K*N of them, without padding
    uint64_t tasks = 0;
    uint64_t jobs = 0;
    uint64_t tiles_checked = 0;
    uint64_t tiles_wrong = 0;     ///< each attempt counted; none of them reached a result
    uint64_t tiles_from_cpu = 0;  ///< given up on the NPU, computed by the reference
    double npu_ms_modelled = 0;
};

/// The NPU and its lanes. A handle: copies mean the same device, which closes with the last of them
/// and the last Matrix. Any thread may use it; one product runs at a time.
class ROSENBLATT_API Npu {
  public:
    /// As the process environment says; without it the kernel's device.
    static Result<Npu> open(const Warning& warning = {});
    /// As `settings` say; the environment is not read.
    static Result<Npu> open(const Settings& settings, const Warning& warning = {});

    bool emulated() const;
    const std::string& path() const;  ///< "/dev/accel/accel0"
    Counters counters() const;
    bool lost() const;  ///< no lane answers any more; products come from the CPU, just as right

    struct State;
    const std::shared_ptr<State>& state() const { return state_; }

  private:
    explicit Npu(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::shared_ptr<State> state_;
};

/// W[N][K]: N output features, K reduction.
struct Shape {
    int64_t n = 0;
    int64_t k = 0;
};

/// Fills `row` with the K floats of row n; called from several threads.
using Rows = std::function<void(int64_t n, float* row)>;

/// A packed matrix: a handle to memory of the NPU, freed with its last copy.
class ROSENBLATT_API Matrix {
  public:
    /// The pipeline is the one of the Npu's settings. `rows` is kept, and asked again after a
    /// fault: it must give the same floats as long as the Matrix lives.
    static Result<Matrix> pack(const Npu& npu, Shape shape, Rows rows,
                               const ParallelFor& parallel_for = matmul::run_serial);
    /// The same for floats that stand in memory, dense, as long as the Matrix lives.
    static Result<Matrix> pack(const Npu& npu, Shape shape, const float* values,
                               const ParallelFor& parallel_for = matmul::run_serial);

    Shape shape() const;
    uint64_t npu_bytes() const;

    struct State;
    const std::shared_ptr<State>& state() const { return state_; }

  private:
    explicit Matrix(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::shared_ptr<State> state_;
};

enum class Product {
    Done,        ///< y is complete and proved
    OutOfRange,  ///< x holds NaN, Inf or a row that 8 bits cannot scale: y was not touched
};

/// y[m][n] = sum over k of x[m][k] * w[n][k], both dense. Bit-equal whatever the number of lanes
/// and threads and whatever went wrong on the NPU; how far from exact is the pipeline's matter
/// (docs/numerics.md). `parallel_for` lends threads for the host's part.
ROSENBLATT_API Result<Product> multiply(const Matrix& w, const float* x, int64_t m, float* y,
                                        const ParallelFor& parallel_for = matmul::run_serial);

}  // namespace rosenblatt
