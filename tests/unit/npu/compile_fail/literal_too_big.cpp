// SPDX-License-Identifier: MIT
// Must not compile with MUST_FAIL: a literal that does not fit its field, in a constant expression.
#include "npu/registers.hpp"

#ifdef MUST_FAIL
constexpr uint32_t k_banks = 16;
#else
constexpr uint32_t k_banks = 15;
#endif

constexpr uint32_t k_raw = rosenblatt::npu::cna::CBUF_CON0{.data_bank = k_banks}.pack();
static_assert(k_raw == 15);
