// SPDX-License-Identifier: MIT
// Register codes of number formats as element types; codes without a meaning give nothing.
#pragma once

#include <optional>

#include "npu/geometry.hpp"
#include "npu/registers.hpp"

namespace rosenblatt::npu {

constexpr std::optional<Element> element_of(Precision code) {
    switch (code) {
        case Precision::Int8:
            return Element::Int8;
        case Precision::Int16:
            return Element::Int16;
        case Precision::Fp16:
            return Element::Fp16;
        case Precision::Bf16:
            return Element::Bf16;
        case Precision::Int4:
            return Element::Int4;
        case Precision::Tf32:
            return Element::Tf32;
    }
    return std::nullopt;
}

constexpr std::optional<Element> element_of(DpuPrecision code) {
    switch (code) {
        case DpuPrecision::Int8:
            return Element::Int8;
        case DpuPrecision::Int16:
            return Element::Int16;
        case DpuPrecision::Fp16:
            return Element::Fp16;
        case DpuPrecision::Bf16:
            return Element::Bf16;
        case DpuPrecision::Int32:
            return Element::Int32;
        case DpuPrecision::Fp32:
            return Element::Fp32;
        case DpuPrecision::Int4:
            return Element::Int4;
    }
    return std::nullopt;
}

}  // namespace rosenblatt::npu
