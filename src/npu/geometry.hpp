// SPDX-License-Identifier: MIT
// What the RK3588 NPU is made of: buffer sizes, array shape, element types and limits, each with
// its source.
#pragma once

#include <cstdint>

#include "base/bits.hpp"

namespace rosenblatt::npu {

// ---- memory ----
inline constexpr uint32_t k_atom_bytes = 16;        ///< least run of channels of one pixel (C2)
inline constexpr uint32_t k_stream_alignment = 16;  ///< PC BASE_ADDRESS has no bits below 4

// ---- CBUF, private to each core (Mesa, captures; the TRM's 8 banks are another chip's) ----
inline constexpr uint32_t k_cbuf_banks = 12;
inline constexpr uint32_t k_cbuf_bank_bytes = 32 * 1024;
inline constexpr uint32_t k_cbuf_bytes = k_cbuf_banks * k_cbuf_bank_bytes;
inline constexpr uint32_t k_cbuf_entry_bytes = 64;  ///< unit of CBUF_CON1.DATA_ENTRIES
inline constexpr uint32_t k_max_kernel_bytes = k_cbuf_bank_bytes;  ///< one kernel, whole K (MTX)

// ---- limits of one task ----
inline constexpr uint32_t k_max_feature_width = 2047;  ///< CNA DATA_SIZE0, 11 bits
inline constexpr uint32_t k_max_feature_height = 2047;
inline constexpr uint32_t k_max_output_channels = 8192;  ///< DPU cubes, 13 bits minus-one
inline constexpr uint32_t k_max_tasks_per_kick = 4095;   ///< PC TASK_CON.TASK_NUMBER, 12 bits

/// Element types of operands and results. The register codes differ between blocks
/// (hardware.md 3.1); these do not.
enum class Element : uint8_t { Int4, Int8, Int16, Int32, Fp16, Bf16, Tf32, Fp32 };

constexpr uint32_t bits_of(Element element) {
    switch (element) {
        case Element::Int4:
            return 4;
        case Element::Int8:
            return 8;
        case Element::Int16:
        case Element::Fp16:
        case Element::Bf16:
            return 16;
        default:
            return 32;
    }
}

/// Bytes of `count` elements stored side by side.
constexpr uint64_t bytes_of(Element element, uint64_t count) {
    return (count * bits_of(element) + 7) / 8;
}

/// Elements in one atom: the C2 of NC1HWC2.
constexpr uint32_t atom_elements(Element element) {
    return k_atom_bytes * 8 / bits_of(element);
}

constexpr bool is_float(Element element) {
    return element >= Element::Fp16;
}

/// The MAC array multiplies one pixel's `channels` with `kernels` kernels per cycle; a 1 KiB weight
/// tile is exactly that.
struct MacArray {
    uint32_t channels;  ///< K of a tile
    uint32_t kernels;   ///< N of a tile: one kernel group
};

constexpr MacArray mac_array(Element operand) {
    switch (operand) {
        case Element::Int4:
            return {32, 64};
        case Element::Int8:
            return {32, 32};
        case Element::Tf32:
            return {16, 16};
        default:
            return {32, 16};
    }
}

/// Channels that one pass of a depthwise convolution covers.
constexpr uint32_t depthwise_group(Element operand) {
    return operand == Element::Int8 ? 64 : 32;
}

/// Bytes one feature row (all pixels, all channels) takes in the CBUF: whole entries. An int8 row
/// of width 1 with an odd number of 32-channel groups ends half-way through one, so M such rows
/// take more than M * K bytes. An open matmul library counted bytes, found its last rows garbled on
/// silicon at some (M, K) and not at others, and left a bank free; this rule gives exactly its list
/// (docs/decisions.md).
constexpr uint64_t cbuf_row_bytes(uint64_t row_bytes) {
    return align_up<uint64_t>(row_bytes, k_cbuf_entry_bytes);
}

/// How wide a map M rows of a matrix make best: the DMA fetches four lines at a time, so 16 pixels
/// are 1 KiB in one run, where one pixel is 64 bytes; even widths end on a CBUF entry as well. Maps
/// of 7 to 112 pixels are what convolution networks bring to the chip every day.
constexpr uint32_t map_width(uint32_t rows) {
    uint32_t width = 16;
    while (rows % width != 0) width /= 2;
    return width;
}

/// Banks that hold `rows` feature rows of `row_bytes` each, whole.
constexpr uint64_t cbuf_data_banks(uint64_t rows, uint64_t row_bytes) {
    return div_round_up<uint64_t>(rows * cbuf_row_bytes(row_bytes), k_cbuf_bank_bytes);
}

}  // namespace rosenblatt::npu
