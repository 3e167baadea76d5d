// SPDX-License-Identifier: MIT
// Golden files: text a change must not alter unseen. scripts/rebaseline.sh rewrites them.
#pragma once

#include <string>

namespace rosenblatt::test {

/// Fails, naming the first differing line, unless `text` is exactly tests/golden/<name>. With the
/// environment variable ROSENBLATT_UPDATE_GOLDEN set it writes the file instead.
void expect_golden(const std::string& name, const std::string& text);

}  // namespace rosenblatt::test
