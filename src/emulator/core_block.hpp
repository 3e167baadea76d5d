// SPDX-License-Identifier: MIT
// CORE block: sums of products over windows of the feature map, one kernel group at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "emulator/aligned.hpp"
#include "emulator/cna.hpp"
#include "emulator/mac_int8.hpp"
#include "emulator/mac_plain.hpp"
#include "emulator/mac_real.hpp"
#include "emulator/sum_tile.hpp"
#include "npu/convert.hpp"

namespace rosenblatt::emulator {

struct CoreTask {
    uint32_t width = 0, height = 0, channels = 0;  ///< of the output
    bool sum_inputs = false;  ///< QD_EN: sums of the window's inputs go along, for CPEND
    uint32_t truncate = 0;    ///< right shift of the accumulator
    npu::Rounding truncate_rounding = npu::Rounding::HalfEven;
};

Check decode_core(const RegisterFile& registers, const TaskContext& context, const CnaTask& cna,
                  CoreTask& task);

/// Multiplies what FeatureDma holds with what WeightDma brings. The path is chosen once, from the
/// registers alone.
class MacArray {
  public:
    MacArray(const CnaTask& cna, const CoreTask& core, const FeatureDma& features,
             const Switches& switches);

    /// Whether this task's sums of inputs are worth forming: someone takes them.
    static bool wants_sums(const CnaTask& cna, const CoreTask& core, const Switches& switches);

    /// Rows may have come and gone in the CBUF since the last tile.
    void start_slab();
    /// Output channels of one kernel group.
    uint32_t group_channels() const;
    /// The kernels of the group whose first output channel is `first_channel` (depthwise:
    /// channels).
    void load(uint32_t first_channel, uint32_t kernels, std::span<const std::byte> weights);
    /// tile.first_pixel, pixels and channels say what to compute; their rows are in the CBUF.
    void multiply(SumTile& tile);

  private:
    enum class Path { Plain, DirectInteger, DepthwiseInt8, DirectReal };

    static Path choose(const CnaTask& cna, const Switches& switches);
    void fill_pad_pixel(const Switches& switches);
    /// The pixels under every tap of every window of a tile; taps outside the map see the pad
    /// pixel. Made once and used for every kernel group.
    struct Gathered {
        uint32_t first = 0, pixels = 0;
        std::vector<const std::byte*> windows;  ///< [pixels][taps], of int8 or of what the path has
        std::vector<int32_t> sums;
        std::vector<uint32_t> taps;  ///< Path::DirectReal, [pixels][taps], pixels of real_pixels_
    };
    const Gathered& gathered(const SumTile& tile);
    void gather(const SumTile& tile, Gathered& out);
    void gather_pixel(uint32_t y, uint32_t x, Gathered& out);
    void gather_pad(Gathered& out) const;
    uint32_t real_row(uint32_t y);
    const std::byte* wide_row(uint32_t y);
    void widen(const std::byte* pixel, std::byte* out);
    void direct_integer(const Gathered& gathered, SumTile& tile);
    void depthwise_int8(const Gathered& gathered, SumTile& tile) const;

    const CnaTask& cna_;
    const CoreTask& core_;
    const FeatureDma& features_;
    Path path_;
    Simd simd_;
    const MacInt8& mac_;
    PlainMac plain_;
    MacReal real_;
    std::vector<std::byte> pad_pixel_;
    int32_t pad_sum_ = 0;
    CacheLines<std::byte> packed_;
    std::span<const std::byte> weights_;
    uint32_t first_channel_ = 0;
    uint32_t group_kernels_ = 0;
    std::vector<Gathered> gathered_;  ///< of this slab
    size_t last_gathered_ = 0;
    size_t gathered_taps_ = 0;

    // Path::DirectInteger where the multiplier wants int16, or the features are int4: rows in that
    // form, made when first used, as many as the CBUF holds at a time.
    uint32_t pixel_channels_ = 0;   ///< whole atoms
    CacheLines<std::byte> wide_;    ///< [rows][width][wide_pitch_]
    std::vector<uint32_t> wide_y_;  ///< which rows stand there
    size_t wide_pitch_ = 0;
    std::vector<std::byte> wide_pad_pixel_;
    std::vector<std::byte> expanded_;
    std::vector<int32_t> halves_;

    // Path::DirectReal: the same with doubles; the last pixel is the pad pixel.
    RealPixels real_pixels_;
};

}  // namespace rosenblatt::emulator
