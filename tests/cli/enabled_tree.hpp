// SPDX-License-Identifier: MIT
// What a device tree must look like after an overlay of ours, read with libfdt alone.
#pragma once

#include <string>
#include <vector>

namespace rosenblatt::cli {

/// One sentence per broken promise: the six nodes are on; npu-, sram- and (with `supplies`)
/// domain-supply lead to a regulator; every number of `base` is still on the same node of `result`,
/// and none is used twice.
std::vector<std::string> broken_promises(const std::vector<char>& base,
                                         const std::vector<char>& result, bool supplies);

std::vector<char> read_blob(const std::string& path);

}  // namespace rosenblatt::cli
