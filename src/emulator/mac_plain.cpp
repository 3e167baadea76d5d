// SPDX-License-Identifier: MIT
// PlainMac: straight from hardware.md 4.2, 5.1 and 5.7.
#include "emulator/mac_plain.hpp"

#include <algorithm>

#include "emulator/elements.hpp"

namespace rosenblatt::emulator {

/// The array takes one tap of one tile of channels at a time: tiles outside, taps inside, as the
/// weights lie.
template <typename Visit>
void PlainMac::each_run(const Visit& visit) const {
    const uint32_t width = npu::mac_array(cna_.element).channels;
    for (uint32_t first = 0; first < cna_.channels; first += width)
        for (uint32_t tap = 0; tap < cna_.taps(); ++tap)
            visit(tap, first, std::min(first + width, cna_.channels));
}

void PlainMac::load(uint32_t kernels, std::span<const std::byte> weights) {
    kernels_ = kernels;
    weights_ = weights;
    if (cna_.depthwise || kernels == 0) return;
    const npu::WeightCube cube{.kernels = kernels,
                               .channels = cna_.channels,
                               .height = cna_.kernel_height,
                               .width = cna_.kernel_width,
                               .element = cna_.element};
    int_weights_.clear();
    real_weights_.clear();
    for (uint32_t n = 0; n < kernels; ++n)
        each_run([&](uint32_t tap, uint32_t first, uint32_t end) {
            for (uint32_t c = first; c < end; ++c) {
                const uint64_t index =
                    cube.index(n, c, tap / cna_.kernel_width, tap % cna_.kernel_width);
                if (npu::is_float(cna_.element))
                    real_weights_.push_back(real_at(cna_.element, weights.data(), index));
                else
                    int_weights_.push_back(int_at(cna_.element, weights.data(), index));
            }
        });
}

void PlainMac::multiply(std::span<const std::byte* const> windows, SumTile& tile) {
    tile.clear(npu::is_float(cna_.element), cna_.depthwise);
    for (uint32_t p = 0; p < tile.pixels; ++p) {
        const std::byte* const* window = windows.data() + size_t{p} * cna_.taps();
        if (cna_.depthwise)
            depthwise(window, p, tile);
        else
            direct(window, p, tile);
    }
}

void PlainMac::direct(const std::byte* const* window, uint32_t pixel, SumTile& tile) {
    const bool real = tile.real;
    const size_t terms = size_t{cna_.taps()} * cna_.channels;
    int_window_.clear();
    real_window_.clear();
    each_run([&](uint32_t tap, uint32_t first, uint32_t end) {
        for (uint32_t c = first; c < end; ++c) {
            if (real)
                real_window_.push_back(real_at(cna_.element, window[tap], c));
            else
                int_window_.push_back(int_at(cna_.element, window[tap], c));
        }
    });
    for (const int32_t value : int_window_) tile.window_sums[pixel] += value;
    for (uint32_t n = 0; n < std::min(kernels_, tile.channels); ++n) {
        if (!real) {
            int64_t sum = 0;
            for (size_t i = 0; i < terms; ++i)
                sum += int64_t{int_window_[i]} * int_weights_[n * terms + i];
            tile.value(pixel, n) = static_cast<int32_t>(sum);
            continue;
        }
        // Each run of channels is summed exactly and rounded once; the runs add up in fp32.
        float sum = 0;
        size_t at = 0;
        each_run([&](uint32_t, uint32_t first, uint32_t end) {
            const size_t count = end - first;
            sum += npu::exact_dot(std::span(real_window_).subspan(at, count),
                                  std::span(real_weights_).subspan(n * terms + at, count));
            at += count;
        });
        tile.real_value(pixel, n) = sum;
    }
}

void PlainMac::depthwise(const std::byte* const* window, uint32_t pixel, SumTile& tile) const {
    for (uint32_t c = 0; c < std::min(kernels_, tile.channels); ++c) {
        const uint32_t channel = tile.first_channel + c;
        for (uint32_t tap = 0; tap < cna_.taps(); ++tap) {
            const uint64_t index = uint64_t{tap} * kernels_ + c;
            if (tile.real) {
                tile.real_value(pixel, c) += real_at(cna_.element, window[tap], channel) *
                                             real_at(cna_.element, weights_.data(), index);
                continue;
            }
            const int32_t value = int_at(cna_.element, window[tap], channel);
            tile.value(pixel, c) += value * int_at(cna_.element, weights_.data(), index);
            tile.window_sums[size_t{pixel} * tile.channels + c] += value;
        }
    }
}

}  // namespace rosenblatt::emulator
