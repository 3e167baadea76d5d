// SPDX-License-Identifier: MIT
// The floating-point multiplier array on the host. A run of channels must be summed exactly and
// rounded once (hardware.md 5.7): a double does that as long as the exponents of the run do not
// spread too far; where they do, npu::exact_dot takes over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/simd.hpp"
#include "emulator/aligned.hpp"
#include "emulator/cna.hpp"
#include "emulator/sum_tile.hpp"

namespace rosenblatt::emulator {

inline constexpr size_t k_real_kernels = 16;  ///< kernels of a group, for all floating-point types

/// Pixels of the feature map, widened: every run of channels of all pixels together, so that
/// multiplying a run walks through memory; and for every run how many binary places lie between its
/// greatest and its least exponent.
struct RealPixels {
    CacheLines<double> values;    ///< [runs][pixels][run_channels]
    std::vector<uint8_t> spread;  ///< [runs][pixels]; 255: infinities or NaN
    std::vector<uint8_t> worst;   ///< [runs], of all pixels that were ever there
    size_t pixels = 0;

    void resize(const CnaTask& task, size_t count);
};

/// Weights of one group on their way into the order of multiplication.
struct RealGroup {
    npu::Element element;
    const std::byte* bytes;  ///< in the CNA's order
    size_t kernels, taps, channels, run_channels;
    double* weights;  ///< [run][tap][channel][16], zero where there is no kernel
    uint8_t* spread;  ///< [run][tap]: the worst of the kernels, then each of the 16
};

/// What multiplying a tile needs.
struct RealOperands {
    const uint32_t* windows;  ///< [pixels][taps], indices into `features`
    const RealPixels* features;
    size_t taps, channels, run_channels, pixels;
    const double* weights;         ///< in the order of multiplication: [run][tap][channel][16]
    const uint8_t* weight_spread;  ///< [run][tap][17]
    unsigned limit;                ///< greatest sum of spreads that a double holds exactly
    float* sums;                   ///< [pixels][16]
};

/// A pixel on its way into RealPixels.
struct RealPixel {
    npu::Element element;
    const std::byte* bytes;
    size_t channels, run_channels;
    double* values;   ///< of the first run
    uint8_t* spread;  ///< likewise
    uint8_t* worst;
    size_t pixels;  ///< of RealPixels: from run to run
};

/// The same sums for every instruction set, to the bit.
struct RealVariant {
    const char* name;
    Simd needs;
    void (*multiply)(const RealOperands&);
    void (*load)(const RealGroup&);
    void (*widen)(const RealPixel&);
};

/// What this machine can run, the best first; the last one is portable.
std::span<const RealVariant> real_variants();

/// The best of them that needs no more than `most`.
const RealVariant& real_variant(Simd most);

class MacReal {
  public:
    MacReal(const CnaTask& cna, Simd most);

    /// `count` pixels as the CBUF has them become pixels `first`...
    void widen(const std::byte* bytes, size_t first, size_t count, RealPixels& pixels) const;
    void load(uint32_t kernels, std::span<const std::byte> weights);
    /// `windows`: [pixels][taps], indices into `features`.
    void multiply(std::span<const uint32_t> windows, const RealPixels& features,
                  SumTile& tile) const;

  private:
    const CnaTask& cna_;
    const RealVariant& variant_;
    size_t run_channels_;
    size_t runs_;
    unsigned limit_;
    uint32_t kernels_ = 0;
    CacheLines<double> weights_;
    std::vector<uint8_t> weight_spread_;
    mutable std::vector<float> sums_;
};

}  // namespace rosenblatt::emulator
