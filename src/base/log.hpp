// SPDX-License-Identifier: MIT
// Log lines for people. Rooms below the roof log at debug level only; the roof chooses the sink
// (ggml's log callback, stderr of a tool) and the level.
#pragma once

#include <functional>
#include <string_view>

namespace rosenblatt::log {

enum class Level { Debug, Info, Warning, Error, Off };

/// Receives one line without a line end. Called under a lock: must not log itself.
using Sink = std::function<void(Level, std::string_view)>;

void set_sink(Sink sink);
void set_level(Level level);
bool enabled(Level level);
void write(Level level, std::string_view line);

inline void debug(std::string_view line) { write(Level::Debug, line); }
inline void info(std::string_view line) { write(Level::Info, line); }
inline void warning(std::string_view line) { write(Level::Warning, line); }
inline void error(std::string_view line) { write(Level::Error, line); }

}  // namespace rosenblatt::log
