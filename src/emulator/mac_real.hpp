// SPDX-License-Identifier: MIT
// The floating-point multiplier array on the host. A run of channels must be summed exactly and
// rounded once (hardware.md 5.7): a double does that as long as the exponents of the run do not
// spread too far; where they do, npu::exact_dot takes over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "emulator/cna.hpp"
#include "emulator/sum_tile.hpp"

namespace rosenblatt::emulator {

inline constexpr size_t k_real_kernels = 16;  ///< kernels of a group, for all floating-point types

/// A row of the feature map, widened: every pixel's channels as doubles, and for every run of
/// channels how many binary places lie between its greatest and its least exponent.
struct RealRow {
    std::vector<double> values;   ///< [pixels][channels]
    std::vector<uint8_t> spread;  ///< [pixels][runs]; 255: infinities or NaN

    void widen(const CnaTask& task, const std::byte* pixels);
};

class MacReal {
  public:
    explicit MacReal(const CnaTask& cna);

    size_t runs() const { return runs_; }

    void load(uint32_t kernels, std::span<const std::byte> weights);

    /// One window: per tap a pixel's values and spreads.
    struct Tap {
        const double* values;
        const uint8_t* spread;
    };
    /// `windows`: [pixels][taps].
    void multiply(std::span<const Tap> windows, SumTile& tile) const;

    /// Weights of one group on their way into the order of multiplication; public for the kernels.
    struct Group {
        npu::Element element;
        const std::byte* bytes;  ///< in the CNA's order
        size_t kernels, taps, channels, run_channels;
        double* weights;  ///< [run][tap][channel][16], zero where there is no kernel
        uint8_t* spread;  ///< [run][tap]: the worst of the kernels, then each of the 16
    };

    /// What a block of pixels needs; public for the kernels.
    struct Operands {
        const Tap* windows;
        size_t taps, channels, run_channels, pixels;
        const double* weights;         ///< in the order of multiplication: [run][channel][16]
        const uint8_t* weight_spread;  ///< [run][tap][17]
        unsigned limit;                ///< greatest sum of spreads that a double holds exactly
        float* sums;                   ///< [pixels][16]
    };

  private:
    const CnaTask& cna_;
    size_t run_channels_;
    size_t runs_;
    unsigned limit_;
    uint32_t kernels_ = 0;
    std::vector<double> weights_;
    std::vector<uint8_t> weight_spread_;
    mutable std::vector<float> sums_;
};

}  // namespace rosenblatt::emulator
