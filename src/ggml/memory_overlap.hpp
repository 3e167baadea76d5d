// SPDX-License-Identifier: MIT
// Whether two tensors share memory: ggml's allocator gives a result's memory to another one as soon
// as nobody will read it.
#pragma once

#include <cstddef>

#include "ggml/api.hpp"

namespace rosenblatt::ggml {

inline bool overlap(const ggml_tensor& a, const ggml_tensor& b) {
    const auto begin = [](const ggml_tensor& t) { return static_cast<const std::byte*>(t.data); };
    return begin(a) < begin(b) + ggml_nbytes(&b) && begin(b) < begin(a) + ggml_nbytes(&a);
}

}  // namespace rosenblatt::ggml
