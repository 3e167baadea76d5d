// SPDX-License-Identifier: MIT
// JSON as text, whatever the strings hold: a file's name need not be UTF-8, and nlohmann's dump()
// throws for such.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace rosenblatt::cli {

/// Bytes that are no UTF-8 become U+FFFD. Without `indent` everything is on one line.
template <typename Json>
std::string json_text(const Json& json, int indent = -1) {
    return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace rosenblatt::cli
