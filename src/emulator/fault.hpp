// SPDX-License-Identifier: MIT
// Check: what every step of a task returns inside the emulator: nothing, or the fault that ends the
// task.
#pragma once

#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "emulator/task.hpp"

namespace rosenblatt::emulator {

using Check = std::optional<Fault>;

inline Fault make_fault(FaultKind kind, npu::Block block, std::string sentence) {
    Fault fault;
    fault.kind = kind;
    fault.block = block;
    fault.sentence = std::move(sentence);
    return fault;
}

inline std::string hex(uint64_t value) {
    char text[24];
    std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
    return text;
}

inline Fault read_fault(npu::Block block, Iova iova, const char* what) {
    Fault fault = make_fault(
        FaultKind::ReadUnmapped, block,
        std::string(what) + " read from IOVA " + hex(iova) + ", where nothing is mapped");
    fault.iova = iova;
    return fault;
}

inline Fault write_fault(npu::Block block, Iova iova, const char* what) {
    Fault fault = make_fault(
        FaultKind::WriteUnmapped, block,
        std::string(what) + " written to IOVA " + hex(iova) + ", where nothing is mapped");
    fault.iova = iova;
    return fault;
}

}  // namespace rosenblatt::emulator
