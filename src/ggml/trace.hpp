// SPDX-License-Identifier: MIT
// Trace: what ran where and when, as Chrome trace events (GGML_ROCKET_TRACE; opens in Perfetto).
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "ggml/api.hpp"

namespace rosenblatt::ggml {

/// Thread-safe; costs nothing while it is off.
class Trace {
  public:
    explicit Trace(bool on) : on_(on) {}

    /// Records the time from its making to its end.
    class Scope {
      public:
        Scope(Trace* trace, const char* track, std::string name);
        Scope(Scope&& other) noexcept;
        Scope& operator=(Scope&&) = delete;
        ~Scope();

      private:
        Trace* trace_;  // null: off
        const char* track_;
        std::string name_;
        int64_t start_us_;
    };

    /// `track` is "npu", "cpu" or "pack"; the event bears the node's operation, name and shape.
    Scope scope(const char* track, const ggml_tensor& node);

    /// All events so far, as the text of a file.
    std::string json() const;

  private:
    struct Event {
        const char* track;
        std::string name;
        int64_t start_us;
        int64_t duration_us;
        int thread;
    };

    const bool on_;
    mutable std::mutex mutex_;
    std::vector<Event> events_;
};

}  // namespace rosenblatt::ggml
