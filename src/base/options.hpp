// SPDX-License-Identifier: MIT
// Every environment variable of the project, read here and nowhere else (docs/environment.md).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace rosenblatt {

enum class Pipeline { W8A8H, W8A8, F16, W4A8 };
/// Rows are rotated by block-Hadamard transforms before they are quantised.
constexpr bool is_rotated(Pipeline pipeline) {
    return pipeline == Pipeline::W8A8H || pipeline == Pipeline::W4A8;
}

enum class Verify { Checksum, Full, Off };
enum class Board { Lpddr5, Lpddr4x };

/// The name used in environment, JSON and messages, e.g. "w8a8h".
const char* name(Pipeline pipeline);
const char* name(Verify verify);
const char* name(Board board);

struct Options {
    std::string device = "auto";              ///< auto | emulator | a path
    Pipeline pipeline = Pipeline::W8A8H;      ///< GGML_ROCKET_PIPELINE
    bool pipeline_set = false;                ///< it was named: policies in the cache are not used
    std::string policy;                       ///< a policy file, "off", or empty: those in the cache
    unsigned lanes = 3;                       ///< 1..16
    std::optional<int64_t> min_m;             ///< unset: by cost
    std::optional<double> clock_mhz;          ///< unset: 200 on the kernel's device, 600 emulated
    Board board = Board::Lpddr5;
    std::optional<uint64_t> mem_max_bytes;    ///< unset: half of MemAvailable
    Verify verify = Verify::Checksum;
    std::string stats_file;                   ///< empty: none
    std::string trace_file;
    std::string capture_dir;
    std::string cache_dir;                    ///< of everything kept between runs; empty: nothing is
    uint64_t packed_cache_max_bytes = uint64_t{16} << 30;  ///< of packed weights below it
    std::string log = "info";                 ///< debug | info | warning | error | off
    std::string fault;                        ///< DESIGN section 8 fault list, emulator only
};

/// One sentence per variable that could not be used: what it said, what is allowed, what is used.
struct ParsedOptions {
    Options options;
    std::vector<std::string> complaints;
};

using Lookup = std::function<const char*(const char* name)>;

/// Reads GGML_ROCKET_*; never fails: an unusable value leaves the default and adds a complaint, and
/// so does an unknown name in `environment` ("NAME=value").
ParsedOptions read_options(const Lookup& lookup, const std::vector<std::string>& environment = {});
/// The same from the process environment.
ParsedOptions read_options();

}  // namespace rosenblatt
