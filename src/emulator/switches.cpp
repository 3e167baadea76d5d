// SPDX-License-Identifier: MIT
// Switches by name, for command lines and traces.
#include "emulator/switches.hpp"

#include <array>
#include <cerrno>
#include <charconv>

namespace rosenblatt::emulator {
namespace {

struct BoolSwitch {
    SwitchInfo info;
    bool Switches::*member;
};

constexpr std::array k_bools = {
    BoolSwitch{{"strict", "on|off", "report a named fault where silicon's behaviour is not known"},
               &Switches::strict},
    BoolSwitch{{"poison", "on|off", "registers and CBUF start as garbage instead of zero"},
               &Switches::poison},
    BoolSwitch{{"fast", "on|off", "off: only the plain paths"}, &Switches::fast},
    BoolSwitch{
        {"truncate-half-up", "on|off", "CLIP_TRUNCATE rounds half up whatever ROUND_TYPE says"},
        &Switches::truncate_half_up},
    BoolSwitch{{"truncate-before-cpend", "on|off", "truncate before the CPEND correction is added"},
               &Switches::truncate_before_cpend},
    BoolSwitch{{"depthwise-pad-pair", "on|off", "depthwise pads odd channels with the second byte"},
               &Switches::depthwise_pad_pair},
    BoolSwitch{{"pad-channels-offset-pend", "on|off",
                "channels past ORIG_CHANNEL are written as OFFSET_PEND"},
               &Switches::pad_channels_offset_pend},
    BoolSwitch{
        {"image-line-stride-atoms", "on|off", "LINE_STRIDE of image input counts atoms, not bytes"},
        &Switches::image_line_stride_atoms},
    BoolSwitch{{"bn-multiplies-first", "on|off",
                "BN is multiplier then ALU; off: ALU then multiplier, as BS"},
               &Switches::bn_multiplies_first},
    BoolSwitch{{"lut-rounds", "on|off", "the LUT's interpolation yields an integer"},
               &Switches::lut_rounds},
    BoolSwitch{{"flush-fp32-subnormals", "on|off", "fp32 results below 2^-126 become zero"},
               &Switches::flush_fp32_subnormals},
    BoolSwitch{{"average-counts-padding", "on|off", "average pooling divides by the whole window"},
               &Switches::average_counts_padding},
};

constexpr std::array<std::string_view, 5> k_roundings = {"register", "by-width", "half-up",
                                                         "half-even", "floor"};
constexpr SwitchInfo k_rounding = {"out-cvt-rounding", "register|by-width|half-up|half-even|floor",
                                   "how OUT_CVT rounds its shift"};
constexpr SwitchInfo k_limit = {"work-limit", "a number", "MACs of one kick; more is a hang"};

constexpr std::array k_simds = {Simd::Plain, Simd::Sse4, Simd::Avx2, Simd::Avx512, Simd::Neon};
constexpr SwitchInfo k_simd = {"simd", "plain|sse4|avx2|avx512|neon",
                               "instructions the fast paths may use, at most"};

constexpr auto k_table = [] {
    std::array<SwitchInfo, k_bools.size() + 3> table{};
    for (size_t i = 0; i < k_bools.size(); ++i) table[i] = k_bools[i].info;
    table[k_bools.size()] = k_rounding;
    table[k_bools.size() + 1] = k_limit;
    table[k_bools.size() + 2] = k_simd;
    return table;
}();

Error bad_value(const SwitchInfo& info, std::string_view value) {
    return {EINVAL, "switch " + std::string(info.name) + " cannot be '" + std::string(value) +
                        "'; use " + std::string(info.values)};
}

Result<void> set_rounding(Switches& switches, std::string_view value) {
    for (size_t i = 0; i < k_roundings.size(); ++i) {
        if (k_roundings[i] != value) continue;
        switches.out_cvt_rounding = static_cast<OutCvtRounding>(i);
        return {};
    }
    return bad_value(k_rounding, value);
}

Result<void> set_limit(Switches& switches, std::string_view value) {
    uint64_t limit = 0;
    const char* end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, limit);
    if (error != std::errc{} || stop != end) return bad_value(k_limit, value);
    switches.work_limit = limit;
    return {};
}

Result<void> set_simd(Switches& switches, std::string_view value) {
    for (const Simd simd : k_simds) {
        if (rosenblatt::name(simd) != value) continue;
        switches.simd = simd;
        return {};
    }
    return bad_value(k_simd, value);
}

}  // namespace

std::span<const SwitchInfo> switch_table() {
    return k_table;
}

Result<void> set_switch(Switches& switches, std::string_view assignment) {
    const size_t equals = assignment.find('=');
    const std::string_view name = assignment.substr(0, equals);
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view("on") : assignment.substr(equals + 1);
    for (const BoolSwitch& candidate : k_bools) {
        if (candidate.info.name != name) continue;
        if (value != "on" && value != "off") return bad_value(candidate.info, value);
        switches.*candidate.member = value == "on";
        return {};
    }
    if (name == k_rounding.name) return set_rounding(switches, value);
    if (name == k_limit.name) return set_limit(switches, value);
    if (name == k_simd.name) return set_simd(switches, value);
    std::string names;
    for (const SwitchInfo& info : k_table)
        names += (names.empty() ? "" : ", ") + std::string(info.name);
    return Error{EINVAL, "there is no switch '" + std::string(name) + "'; there are " + names};
}

std::string switch_value(const Switches& switches, std::string_view name) {
    for (const BoolSwitch& candidate : k_bools)
        if (candidate.info.name == name) return switches.*candidate.member ? "on" : "off";
    if (name == k_rounding.name)
        return std::string(k_roundings[static_cast<size_t>(switches.out_cvt_rounding)]);
    if (name == k_limit.name) return std::to_string(switches.work_limit);
    if (name == k_simd.name) return rosenblatt::name(switches.simd);
    return "";
}

}  // namespace rosenblatt::emulator
