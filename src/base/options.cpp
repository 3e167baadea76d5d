// SPDX-License-Identifier: MIT
#include "base/options.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace rosenblatt {
namespace {

template <typename E>
struct Choice {
    const char* text;
    E value;
};
template <typename E>
Choice(const char*, E) -> Choice<E>;  // clang 14 does not find it by itself

constexpr std::array k_pipelines{Choice{"w8a8h", Pipeline::W8A8H}, Choice{"w8a8", Pipeline::W8A8},
                                 Choice{"f16", Pipeline::F16}, Choice{"w4a8", Pipeline::W4A8}};
constexpr std::array k_verifies{Choice{"checksum", Verify::Checksum}, Choice{"full", Verify::Full},
                                Choice{"off", Verify::Off}};
constexpr std::array k_boards{Choice{"lpddr5", Board::Lpddr5}, Choice{"lpddr4x", Board::Lpddr4x}};
constexpr std::array k_levels{Choice{"debug", 0}, Choice{"info", 0}, Choice{"warning", 0},
                              Choice{"error", 0}, Choice{"off", 0}};

template <typename E, size_t N>
const char* text_of(const std::array<Choice<E>, N>& choices, E value) {
    for (const auto& choice : choices)
        if (choice.value == value) return choice.text;
    return "?";
}

template <typename E, size_t N>
std::string list_of(const std::array<Choice<E>, N>& choices) {
    std::string list;
    for (const auto& choice : choices) list += (list.empty() ? "" : ", ") + std::string(choice.text);
    return list;
}

// Whole text must be a number, so "12abc" and "" are refused.
template <typename T>
std::optional<T> number(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// Bytes with an optional K, M or G suffix (powers of 1024).
std::optional<uint64_t> byte_count(std::string_view text) {
    if (text.empty()) return std::nullopt;
    unsigned shift = 0;
    switch (text.back()) {
        case 'K': case 'k': shift = 10; break;
        case 'M': case 'm': shift = 20; break;
        case 'G': case 'g': shift = 30; break;
        default: break;
    }
    if (shift) text.remove_suffix(1);
    const auto count = number<uint64_t>(text);
    if (!count || (shift && *count > (UINT64_MAX >> shift))) return std::nullopt;
    return *count << shift;
}

std::string default_cache_dir(const Lookup& lookup) {
    const char* cache = lookup("XDG_CACHE_HOME");
    if (cache && *cache == '/') return std::string(cache) + "/rosenblatt";
    const char* home = lookup("HOME");
    return home && *home == '/' ? std::string(home) + "/.cache/rosenblatt" : std::string();
}

class Reader {
  public:
    explicit Reader(const Lookup& lookup) : lookup_(lookup) {}

    // Calls `use(text)` when the variable is set and not empty; `use` returns false to refuse it.
    template <typename Use>
    void read(const char* variable, const std::string& allowed, const std::string& fallback,
              Use use) {
        known_.push_back(variable);
        const char* text = lookup_(variable);
        if (!text || !*text || use(std::string_view(text))) return;
        complaints.push_back(std::string(variable) + "=" + text + " is not one of: " + allowed +
                             "; using " + fallback + ".");
    }

    template <typename E, size_t N>
    void choose(const char* variable, const std::array<Choice<E>, N>& choices, E& target) {
        read(variable, list_of(choices), text_of(choices, target), [&](std::string_view text) {
            for (const auto& choice : choices)
                if (text == choice.text) return target = choice.value, true;
            return false;
        });
    }

    void text(const char* variable, std::string& target) {
        read(variable, "any text", "none", [&](std::string_view t) { return target = t, true; });
    }

    /// `environment`: "NAME=value". A variable that looks like ours and is not is most likely mistyped.
    void name_unknown(const std::vector<std::string>& environment) {
        for (const std::string& entry : environment) {
            const std::string variable = entry.substr(0, entry.find('='));
            if (!variable.starts_with("GGML_ROCKET_") ||
                std::find(known_.begin(), known_.end(), variable) != known_.end())
                continue;
            std::string list;
            for (const std::string& known : known_) list += (list.empty() ? "" : ", ") + known;
            complaints.push_back(variable + " is not a variable of this backend, which knows " +
                                 list + "; it does nothing.");
        }
    }

    std::vector<std::string> complaints;

  private:
    const Lookup& lookup_;
    std::vector<std::string> known_;
};

}  // namespace

const char* name(Pipeline pipeline) { return text_of(k_pipelines, pipeline); }
const char* name(Verify verify) { return text_of(k_verifies, verify); }
const char* name(Board board) { return text_of(k_boards, board); }

ParsedOptions read_options(const Lookup& lookup, const std::vector<std::string>& environment) {
    Options o;
    Reader r(lookup);
    r.read("GGML_ROCKET_DEVICE", "auto, emulator, a path such as /dev/accel/accel0", o.device,
           [&](std::string_view t) {
               const bool good = t == "auto" || t == "emulator" || t.front() == '/';
               if (good) o.device = t;
               return good;
           });
    r.choose("GGML_ROCKET_PIPELINE", k_pipelines, o.pipeline);
    const char* pipeline = lookup("GGML_ROCKET_PIPELINE");
    o.pipeline_set = pipeline && *pipeline;
    r.text("GGML_ROCKET_POLICY", o.policy);
    r.read("GGML_ROCKET_LANES", "a number from 1 to 16", std::to_string(o.lanes),
           [&](std::string_view t) {
               const auto n = number<unsigned>(t);
               if (!n || *n < 1 || *n > 16) return false;
               return o.lanes = *n, true;
           });
    r.read("GGML_ROCKET_MIN_M", "a number of rows from 1 up", "the cost model",
           [&](std::string_view t) {
               const auto n = number<int64_t>(t);
               if (!n || *n < 1) return false;
               return o.min_m = *n, true;
           });
    r.read("GGML_ROCKET_CLOCK_MHZ", "a clock in MHz from 1 to 5000", "the device's default",
           [&](std::string_view t) {
               const auto mhz = number<double>(t);
               if (!mhz || !std::isfinite(*mhz) || *mhz < 1 || *mhz > 5000) return false;
               return o.clock_mhz = *mhz, true;
           });
    r.choose("GGML_ROCKET_BOARD", k_boards, o.board);
    r.read("GGML_ROCKET_MEM_MAX", "a number of bytes, with K, M or G", "half of MemAvailable",
           [&](std::string_view t) {
               const auto bytes = byte_count(t);
               if (!bytes) return false;
               return o.mem_max_bytes = *bytes, true;
           });
    r.choose("GGML_ROCKET_VERIFY", k_verifies, o.verify);
    r.text("GGML_ROCKET_STATS", o.stats_file);
    r.text("GGML_ROCKET_TRACE", o.trace_file);
    r.text("GGML_ROCKET_CAPTURE", o.capture_dir);
    o.cache_dir = default_cache_dir(lookup);
    r.read("GGML_ROCKET_CACHE", "off, an absolute path", o.cache_dir, [&](std::string_view t) {
        if (t != "off" && t.front() != '/') return false;
        return o.cache_dir = t == "off" ? "" : t, true;
    });
    r.read("GGML_ROCKET_CACHE_MAX", "a number of bytes, with K, M or G", "16G",
           [&](std::string_view t) {
               const auto bytes = byte_count(t);
               if (!bytes) return false;
               return o.packed_cache_max_bytes = *bytes, true;
           });
    r.read("GGML_ROCKET_LOG", list_of(k_levels), o.log, [&](std::string_view t) {
        for (const auto& level : k_levels)
            if (t == level.text) return o.log = t, true;
        return false;
    });
    r.text("GGML_ROCKET_FAULT", o.fault);
    r.name_unknown(environment);
    return {std::move(o), std::move(r.complaints)};
}

ParsedOptions read_options() {
    std::vector<std::string> environment;
    for (char** entry = environ; entry && *entry; ++entry) environment.emplace_back(*entry);
    return read_options([](const char* variable) { return std::getenv(variable); }, environment);
}

}  // namespace rosenblatt
