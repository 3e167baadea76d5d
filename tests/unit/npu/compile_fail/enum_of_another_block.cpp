// SPDX-License-Identifier: MIT
// Must not compile with MUST_FAIL: CNA and DPU code their number formats differently.
#include "npu/registers.hpp"

using namespace rosenblatt::npu;
#ifdef MUST_FAIL
constexpr cna::CONV_CON1 k_reg{.in_precision = DpuPrecision::Int4};
#else
constexpr cna::CONV_CON1 k_reg{.in_precision = Precision::Int4};
#endif
static_assert(k_reg.pack() == 0x60);
