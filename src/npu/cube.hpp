// SPDX-License-Identifier: MIT
// Where an element lies in a feature cube, a weight cube and an output cube: the index formulas of
// hardware.md 4.1, 4.2 and 4.5, written once for the compiler and the emulator.
#pragma once

#include <algorithm>
#include <cstdint>

#include "npu/geometry.hpp"

namespace rosenblatt::npu {

/// The native layout [channels/C2][height][width][C2]; sizes are those of the stored map.
struct FeatureCube {
    uint32_t width = 1;
    uint32_t height = 1;
    uint32_t channels = 0;
    Element element = Element::Int8;

    constexpr uint32_t surfaces() const { return div_round_up(channels, atom_elements(element)); }
    constexpr uint64_t surface_bytes() const { return uint64_t{width} * height * k_atom_bytes; }
    constexpr uint64_t bytes() const { return surfaces() * surface_bytes(); }

    /// Byte offset of the element (for int4: of the byte that holds it, even channels in the low
    /// half).
    constexpr uint64_t offset(uint32_t channel, uint32_t y, uint32_t x) const {
        const uint32_t per_atom = atom_elements(element);
        return channel / per_atom * surface_bytes() + (uint64_t{y} * width + x) * k_atom_bytes +
               channel % per_atom * bits_of(element) / 8;
    }
};

/// How the CNA walks a feature cube; strides in atoms, as DMA_CON1 and DMA_CON2 hold them.
struct FeatureStrides {
    bool group_line_off =
        false;           ///< CONV_CON1.GROUP_LINE_OFF: lines one by one, not four at a time
    uint32_t width = 1;  ///< FC_DATA_SIZE0.DMA_WIDTH
    uint32_t line_stride = 0;
    int32_t surface_stride = 0;  ///< signed 28 bits: maps of fewer than four lines go backwards

    /// Atom offset of pixel (x, y) in surface `surface`.
    constexpr int64_t atom(uint32_t surface, uint32_t y, uint32_t x) const {
        const int64_t pitch = int64_t{surface_stride} + (group_line_off ? 1 : 4) * int64_t{width};
        const int64_t line = group_line_off ? int64_t{y} * line_stride
                                            : int64_t{y / 4} * line_stride + int64_t{y % 4} * width;
        return surface * pitch + line + x;
    }

    /// Bytes the DMA finds side by side in memory, of a map `height` lines high: what the timing
    /// model wants to know. Lines of a group follow each other; so do the surfaces of a line where
    /// their pitch is its width.
    constexpr uint64_t run_bytes(uint32_t height, uint32_t surfaces) const {
        const uint64_t atoms = group_line_off ? width : uint64_t{width} * std::min(height, 4U);
        const bool whole_line = group_line_off && surface_stride == 0;
        return atoms * k_atom_bytes * (whole_line ? surfaces : 1);
    }
};

/// Strides of a native cube of `width` x `height` stored lines, fetched four lines at a time.
constexpr FeatureStrides native_strides(uint32_t width, uint32_t height) {
    return {.group_line_off = false,
            .width = width,
            .line_stride = 4 * width,
            .surface_stride = static_cast<int32_t>(width) * (static_cast<int32_t>(height) - 4)};
}

/// Strides of `rows` of a native cube one pixel wide and `stored` lines high, read as a map of
/// `width` pixels: the same bytes in the same order. `width` divides `rows`.
constexpr FeatureStrides folded_strides(uint32_t width, uint32_t stored) {
    return {.group_line_off = false,
            .width = width,
            .line_stride = 4 * width,
            .surface_stride = static_cast<int32_t>(stored) - 4 * static_cast<int32_t>(width)};
}

/// Strides of a row-major matrix [rows][row_atoms * 16 bytes], one row per line, width 1.
constexpr FeatureStrides row_major_strides(uint32_t row_atoms) {
    return {.group_line_off = true, .width = 1, .line_stride = row_atoms, .surface_stride = 0};
}

/// Weights as the CNA streams them: groups of kernels; in a group channel tiles; in a tile position
/// of the kernel window; then [kernel][channel]. Nothing is padded: the last group and the last
/// tile are as narrow as what is left.
struct WeightCube {
    uint32_t kernels = 0;
    uint32_t channels = 0;  ///< as stored (DATA_SIZE1.CHANNEL)
    uint32_t height = 1;
    uint32_t width = 1;
    Element element = Element::Int8;

    constexpr uint64_t kernel_bytes() const {
        return bytes_of(element, uint64_t{width} * height * channels);
    }
    constexpr uint64_t bytes() const { return kernels * kernel_bytes(); }
    constexpr uint64_t group_offset(uint32_t group) const {
        return uint64_t{group} * mac_array(element).kernels * kernel_bytes();
    }

    /// Element index (int4: nibble index, low nibble first) of one weight.
    constexpr uint64_t index(uint32_t kernel, uint32_t channel, uint32_t y, uint32_t x) const {
        const MacArray array = mac_array(element);
        const uint32_t group = kernel / array.kernels;
        const uint32_t tile = channel / array.channels;
        const uint64_t group_kernels = std::min(array.kernels, kernels - group * array.kernels);
        const uint64_t tile_channels = std::min(array.channels, channels - tile * array.channels);
        const uint64_t window = uint64_t{width} * height;
        const uint64_t position = uint64_t{y} * width + x;
        return window * channels * group * array.kernels +
               window * tile * array.channels * group_kernels +
               (position * group_kernels + kernel % array.kernels) * tile_channels +
               channel % array.channels;
    }
    constexpr uint64_t offset(uint32_t kernel, uint32_t channel, uint32_t y = 0,
                              uint32_t x = 0) const {
        return index(kernel, channel, y, x) * bits_of(element) / 8;
    }
};

/// Depthwise weights: [channels/group][height][width][group], the last group compact.
struct DepthwiseCube {
    uint32_t channels = 0;
    uint32_t height = 1;
    uint32_t width = 1;
    Element element = Element::Int8;

    constexpr uint64_t bytes() const {
        return bytes_of(element, uint64_t{width} * height * channels);
    }
    constexpr uint64_t index(uint32_t channel, uint32_t y, uint32_t x) const {
        const uint32_t full = depthwise_group(element);
        const uint32_t group = channel / full;
        const uint64_t in_group = std::min(full, channels - group * full);
        return uint64_t{group} * full * width * height + (uint64_t{y} * width + x) * in_group +
               channel % full;
    }
};

/// How the WDMA places results; strides in atoms, as DST_SURF_STRIDE, SURFACE_ADD and NOTCH hold
/// them.
struct OutputStrides {
    uint32_t width = 1;
    uint32_t line_notch = 0;      ///< atoms from the end of a line to the start of the next
    uint32_t surface_stride = 0;  ///< between atoms of one kernel group
    uint32_t group_stride = 0;    ///< SURFACE_ADD: between kernel groups
    uint32_t group_atoms = 1;     ///< SIZE_E + 1: atoms one kernel group yields per pixel

    /// Atom offset of the `atom`-th run of channels of pixel (x, y).
    constexpr uint64_t atom(uint32_t atom, uint32_t y, uint32_t x) const {
        return uint64_t{atom / group_atoms} * group_stride +
               uint64_t{atom % group_atoms} * surface_stride +
               uint64_t{y} * (uint64_t{width} + line_notch) + x;
    }
};

/// Atoms one kernel group of `operand` arithmetic yields per pixel when written as `output`.
constexpr uint32_t group_atoms(Element operand, Element output, bool depthwise = false) {
    const uint32_t kernels = depthwise ? depthwise_group(operand) : mac_array(operand).kernels;
    return kernels * bits_of(output) / 8 / k_atom_bytes;
}

/// Output strides of a native cube of width x height (hardware.md 4.5).
constexpr OutputStrides native_output(uint32_t width, uint32_t height, uint32_t atoms_per_group) {
    return {.width = width,
            .line_notch = 0,
            .surface_stride = width * height,
            .group_stride = atoms_per_group * width * height,
            .group_atoms = atoms_per_group};
}

}  // namespace rosenblatt::npu
