// SPDX-License-Identifier: MIT
// matmul::Weights: one matrix W[N][K], quantised, cut into tiles and held in BOs of the lanes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/options.hpp"
#include "base/result.hpp"
#include "matmul/parallel.hpp"

namespace rosenblatt::matmul {

class Device;

/// Fills `row` with the K floats of row n of W. Called from several threads at once. The Weights
/// keep it: it must stay valid, and give the same floats, as long as they live (the last resort
/// after a fault quantises rows again).
using RowSource = std::function<void(int64_t n, float* row)>;

/// W[N][K]: N output features, K reduction; y[m][n] = sum over k of x[m][k] * W[n][k].
struct WeightShape {
    int64_t n = 0;
    int64_t k = 0;
};

/// Where packed weights outlive the process. `image` are pieces of memory, always as many and as
/// long for the same `layout`, which names all that they depend on besides W.
struct WeightShelf {
    using Image = std::vector<std::span<std::byte>>;

    /// Fills the image. False: it is not there, and the memory holds anything.
    std::function<bool(const std::string& layout, const Image& image)> load;
    std::function<void(const std::string& layout, const Image& image)> store;
};

/// Owns its BOs and frees them; must not outlive its Device.
class Weights {
  public:
    ~Weights();
    Weights(const Weights&) = delete;
    Weights& operator=(const Weights&) = delete;

    WeightShape shape() const;
    Pipeline pipeline() const;
    uint64_t bo_bytes() const;    ///< pinned memory, all lanes
    uint64_t host_bytes() const;  ///< scales, checksum vectors

    struct State;  ///< the engine's own; src/matmul only
    explicit Weights(std::unique_ptr<State> state);
    const State& state() const { return *state_; }

  private:
    std::unique_ptr<State> state_;
};

/// Quantises (rounds to fp16: f16), rotates (w8a8h) and packs W. Errors, each a whole sentence: the
/// pipeline or the shape is not supported, W holds values the pipeline cannot keep (NaN, Inf, beyond
/// 2^60), `mem_max` or
/// the lanes' address space is used up. The caller then keeps the operation on the CPU.
/// `shelf`, where given, is asked first, and given what was packed.
Result<std::unique_ptr<Weights>> pack(Device& device, WeightShape shape, RowSource source,
                                      Pipeline pipeline,
                                      const ParallelFor& parallel_for = run_serial,
                                      const WeightShelf* shelf = nullptr);

/// Bytes of BOs that pack() would need for this shape, to choose what is worth packing.
uint64_t packed_bytes(WeightShape shape, Pipeline pipeline);

}  // namespace rosenblatt::matmul
