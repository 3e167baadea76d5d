// SPDX-License-Identifier: MIT
// libggml-rocket.so: what ggml's loader looks for in a backend, and nothing else.
#include <unistd.h>

#include <exception>

#include "ggml/device.hpp"
#include "ggml/session.hpp"

namespace {

// ggml never unloads a backend, so the end of this library is the end of the process.
// A forked child has done nothing worth a file, and would write over its parent's.
struct AtExit {
    const pid_t loader = getpid();
    ~AtExit() {
        if (getpid() == loader) rosenblatt::ggml::Session::get().write_files();
    }
};

}  // namespace

extern "C" __attribute__((visibility("default"))) ggml_backend_reg_t ggml_backend_init() try {
    rosenblatt::ggml::Session::get();
    static AtExit at_exit;
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
