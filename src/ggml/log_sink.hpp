// SPDX-License-Identifier: MIT
// Lines for people go where the program sends ggml's own: through ggml's log callback.
#pragma once

#include <string>
#include <string_view>

namespace rosenblatt::ggml {

/// From now on base/log writes to ggml's log; `level` is GGML_ROCKET_LOG's text.
void route_log(std::string_view level);

/// Warns with this sentence, the first time it is said in this process.
void warn_once(const std::string& sentence);
void inform_once(const std::string& sentence);

}  // namespace rosenblatt::ggml
