// SPDX-License-Identifier: MIT
// Switches: every behaviour that no source settles, by name; docs/numerics.md has the evidence.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/simd.hpp"

namespace rosenblatt::emulator {

/// How OUT_CVT rounds its shift.
enum class OutCvtRounding : uint8_t {
    Register,  ///< CVT_ROUND: 0 half to even, 1 half away from zero
    ByWidth,   ///< the same for 8 and 16 bit results, floor for 32 bit ones
    HalfUp,
    HalfEven,
    Floor,
};

struct Switches {
    // ---- how the emulator works ----
    bool strict = false;      ///< report a named fault where silicon's behaviour is not known
    bool poison = false;      ///< registers and CBUF start as garbage instead of zero
    bool fast = true;         ///< false: only the plain paths
    Simd simd = best_simd();  ///< what the fast paths may use, at most; the bits are the same
    uint64_t work_limit = uint64_t{1} << 38;  ///< MACs of one task; more is a hang

    // ---- what silicon does ----
    OutCvtRounding out_cvt_rounding = OutCvtRounding::Register;
    bool truncate_half_up = false;       ///< CLIP_TRUNCATE rounds half up whatever ROUND_TYPE says
    bool truncate_before_cpend = false;  ///< truncate the sum of products before CPEND is added
    bool depthwise_pad_pair = true;      ///< depthwise pads odd channels with the second byte
    bool pad_channels_offset_pend =
        true;  ///< channels past ORIG_CHANNEL are written as OFFSET_PEND
    bool image_line_stride_atoms = false;  ///< LINE_STRIDE of image input counts atoms, not bytes
    bool bn_multiplies_first = true;       ///< BN is multiplier then ALU; BS is ALU then multiplier
    bool lut_rounds = true;                ///< the LUT's interpolation yields an integer
    bool flush_fp32_subnormals = false;    ///< fp32 results below 2^-126 become zero
    bool average_counts_padding = true;    ///< average pooling divides by the whole window
};

/// One switch as the command line knows it.
struct SwitchInfo {
    std::string_view name;
    std::string_view values;
    std::string_view brief;
};
std::span<const SwitchInfo> switch_table();

/// Sets a switch from "name=value"; the error names the switches or the values there are.
Result<void> set_switch(Switches& switches, std::string_view assignment);
std::string switch_value(const Switches& switches, std::string_view name);

}  // namespace rosenblatt::emulator
