// SPDX-License-Identifier: MIT
#include "ggml/trace.hpp"

#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

namespace rosenblatt::ggml {
namespace {

int64_t now_us() {
    const auto time = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

std::string label(const ggml_tensor& node) {
    std::string text = ggml_op_desc(&node);
    text += std::string(" ") + node.name;
    if (node.op != GGML_OP_MUL_MAT) return text;
    const ggml_tensor& w = *node.src[0];
    return text + " M=" + std::to_string(ggml_nrows(&node)) + " K=" + std::to_string(w.ne[0]) +
           " N=" + std::to_string(w.ne[1]) + " " + ggml_type_name(w.type);
}

}  // namespace

Trace::Scope::Scope(Trace* trace, const char* track, std::string name)
    : trace_(trace), track_(track), name_(std::move(name)), start_us_(trace ? now_us() : 0) {}

Trace::Scope::Scope(Scope&& other) noexcept
    : trace_(std::exchange(other.trace_, nullptr)),
      track_(other.track_),
      name_(std::move(other.name_)),
      start_us_(other.start_us_) {}

Trace::Scope::~Scope() {
    if (!trace_) return;
    Event event{track_, std::move(name_), start_us_, now_us() - start_us_, gettid()};
    std::lock_guard lock(trace_->mutex_);
    trace_->events_.push_back(std::move(event));
}

Trace::Scope Trace::scope(const char* track, const ggml_tensor& node) {
    return on_ ? Scope(this, track, label(node)) : Scope(nullptr, track, {});
}

std::string Trace::json() const {
    std::lock_guard lock(mutex_);
    auto events = nlohmann::json::array();
    for (const Event& e : events_)
        events.push_back({{"name", e.name},
                          {"cat", e.track},
                          {"ph", "X"},
                          {"ts", e.start_us},
                          {"dur", e.duration_us},
                          {"pid", getpid()},
                          {"tid", e.thread}});
    return nlohmann::json{{"traceEvents", events}, {"displayTimeUnit", "ms"}}.dump(
        -1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace rosenblatt::ggml
