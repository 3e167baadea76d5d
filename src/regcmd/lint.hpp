// SPDX-License-Identifier: MIT
// What is wrong with a task's stream, found without running it.
//
// An error is known to hang, fault or corrupt on silicon, or contradicts the stream itself; a
// warning is what no emitter known to run on boards does. A stream without findings can still be
// wrong.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rosenblatt::regcmd {

enum class Severity : uint8_t { Warning, Error };

enum class Rule : uint8_t {
    UnknownWord,
    UnknownRegister,
    WrongBlock,
    ReservedBits,
    OddTarget,
    NoEnable,
    EmptyMask,
    UnusualMask,
    PpuAlone,
    Marker,
    Tail,
    AfterEnable,
    OddLength,
    PointerMissing,
    PointerLate,
    PointerValue,
    RdmaUnconfigured,
    Unwritten,
    BankSum,
    BankNone,
    FcDataBank,
    KernelsTooMany,
    KernelsMany,
    KernelBytes,
    GrainsZero,
    StrideZero,
    WeightSize,
    KernelShape,
    DataEntries,
    FeatureStrides,
    DmaSize,
    OutputSize,
    OutputChannels,
    SurfaceAdd,
    SizeE,
    Notch,
    Precision,
    ConvMode,
    Fp16Output,
    Unaligned,
    OutsideBo,
};

struct RuleInfo {
    Rule rule;
    std::string_view name;  ///< as printed, e.g. "bank-sum"
    Severity severity;
    std::string_view brief;
};

/// Every rule, in the order of the enum.
std::span<const RuleInfo> lint_rules();
const RuleInfo& info(Rule rule);

struct Finding {
    Rule rule;
    size_t word;          ///< index into the task's words
    std::string message;  ///< one sentence with the values
};

/// One buffer object as the NPU sees it.
struct IovaRange {
    uint64_t iova;
    uint64_t size;
};

/// Findings of one task, by word. With `bos`, addresses and what the task reads and writes from
/// them on must lie inside one of them.
std::vector<Finding> lint(std::span<const uint64_t> task, std::span<const IovaRange> bos = {});

}  // namespace rosenblatt::regcmd
