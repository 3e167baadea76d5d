// SPDX-License-Identifier: MIT
// What happens when a value does not fit its register field at run time.
#include "npu/field.hpp"

#include <cinttypes>

#include "base/assert.hpp"

namespace rosenblatt::npu {

void field_overflow(const char* field, int64_t value, unsigned high, unsigned low) {
    RB_ASSERT(false, "%s = %" PRId64 " (0x%" PRIx64 ") does not fit bits %u:%u", field, value,
              static_cast<uint64_t>(value), high, low);
    std::abort();
}

}  // namespace rosenblatt::npu
