// SPDX-License-Identifier: MIT
#include "ggml/session.hpp"

#include <cerrno>

#include "base/log.hpp"
#include "ggml/log_sink.hpp"

namespace rosenblatt::ggml {

Session& Session::get() {
    static Session* session = new Session;
    return *session;
}

Session::Session() {
    ParsedOptions parsed = read_options();
    options_ = std::move(parsed.options);
    route_log(options_.log);
    for (const std::string& complaint : parsed.complaints) log::warning(complaint);
    auto npu = Npu::find(options_);
    if (npu) {
        npu_ = std::move(*npu);
        return;
    }
    no_npu_ = npu.error().message + " The work goes on on the CPU.";
    // A machine without an NPU is told so when a model is loaded; a node that is there but cannot
    // be used, or was asked for by name, at once.
    if (npu.error().code != ENOENT || options_.device != "auto") warn_once(no_npu_);
}

void Session::hint_at_missing_npu() {
    if (!npu_)
        warn_once(no_npu_ + " (GGML_ROCKET_DEVICE=emulator shows everything without an NPU.)");
}

}  // namespace rosenblatt::ggml
