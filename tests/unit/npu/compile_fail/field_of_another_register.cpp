// SPDX-License-Identifier: MIT
// Must not compile with MUST_FAIL: a field given to a register that does not have it.
#include "npu/registers.hpp"

#ifdef MUST_FAIL
constexpr rosenblatt::npu::cna::CBUF_CON1 k_reg{.data_bank = 4};
#else
constexpr rosenblatt::npu::cna::CBUF_CON0 k_reg{.data_bank = 4};
#endif
static_assert(k_reg.pack() != 0);
