// SPDX-License-Identifier: MIT
#include "ggml/log_sink.hpp"

#include <mutex>
#include <set>

#include "base/log.hpp"
#include "ggml/api.hpp"

namespace rosenblatt::ggml {
namespace {

log::Level level_of(std::string_view text) {
    if (text == "debug") return log::Level::Debug;
    if (text == "warning") return log::Level::Warning;
    if (text == "error") return log::Level::Error;
    if (text == "off") return log::Level::Off;
    return log::Level::Info;
}

void write_to_ggml(log::Level level, std::string_view line) {
    const int length = static_cast<int>(line.size());
    switch (level) {
        case log::Level::Debug:
            GGML_LOG_DEBUG("rocket: %.*s\n", length, line.data());
            break;
        case log::Level::Info:
            GGML_LOG_INFO("rocket: %.*s\n", length, line.data());
            break;
        case log::Level::Warning:
            GGML_LOG_WARN("rocket: %.*s\n", length, line.data());
            break;
        case log::Level::Error:
            GGML_LOG_ERROR("rocket: %.*s\n", length, line.data());
            break;
        case log::Level::Off:
            break;
    }
}

bool first_time(const std::string& sentence) {
    static std::mutex mutex;
    static auto* said = new std::set<std::string>;  // lines may come while statics are destroyed
    std::lock_guard lock(mutex);
    return said->insert(sentence).second;
}

}  // namespace

void route_log(std::string_view level) {
    log::set_level(level_of(level));
    log::set_sink(write_to_ggml);
}

void warn_once(const std::string& sentence) {
    if (first_time(sentence)) log::warning(sentence);
}

void inform_once(const std::string& sentence) {
    if (first_time(sentence)) log::info(sentence);
}

}  // namespace rosenblatt::ggml
