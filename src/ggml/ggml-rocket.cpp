// SPDX-License-Identifier: MIT
// libggml-rocket.so: what ggml's loader looks for in a backend, and nothing else.
#include <exception>

#include "ggml/device.hpp"
#include "ggml/session.hpp"

extern "C" __attribute__((visibility("default"))) ggml_backend_reg_t ggml_backend_init() try {
    rosenblatt::ggml::Session::get();
    return rosenblatt::ggml::registry();
} catch (const std::exception& error) {
    GGML_LOG_ERROR("rocket: not usable in this process: %s\n", error.what());
    return nullptr;
}

/// 1: usable. ggml asks before it calls ggml_backend_init and leaves a backend that answers 0
/// alone.
extern "C" __attribute__((visibility("default"))) int ggml_backend_score() {
    return 1;
}
