// SPDX-License-Identifier: MIT
#include "base/log.hpp"

#include <atomic>
#include <mutex>
#include <utility>

namespace rosenblatt::log {
namespace {

std::atomic<Level> g_level{Level::Info};

struct Guarded {
    std::mutex mutex;
    Sink sink;
};

// Never destroyed: lines may come from destructors of other statics.
Guarded& guarded() {
    static Guarded* g = new Guarded;
    return *g;
}

}  // namespace

void set_sink(Sink sink) {
    std::lock_guard lock(guarded().mutex);
    guarded().sink = std::move(sink);
}

void set_level(Level level) { g_level = level; }

bool enabled(Level level) { return level >= g_level.load(std::memory_order_relaxed); }

void write(Level level, std::string_view line) {
    if (!enabled(level)) return;
    std::lock_guard lock(guarded().mutex);
    if (guarded().sink) guarded().sink(level, line);
}

}  // namespace rosenblatt::log
