// SPDX-License-Identifier: MIT
// The record of one llama-bench run on one host, and how two of them compare.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace rosenblatt::cli {

/// Tokens per second over some repetitions.
struct Rate {
    int tokens = 0;
    double per_second = 0;
    double deviation = 0;  ///< standard deviation of the repetitions
    int repetitions = 0;
};

struct BaselineRecord {
    std::string date;  ///< 2026-11-22
    std::string host;
    std::string model;
    bool npu = false;       ///< the backend took part
    bool emulated = false;  ///< and its NPU is none: the figures say nothing about a board
    std::string cpu = {};   ///< as llama-bench calls it
    std::string kernel = {};
    std::string llama = {};
    int threads = 0;
    std::string cores = {};  ///< those it was pinned to; empty: all
    std::optional<Rate> prefill = {}, decode = {};

    const char* device() const { return npu ? "npu" : "cpu"; }
    /// <date>_<host>_<model>_<cpu|npu>_baseline.json
    std::string file_name() const;
};

/// Takes what llama-bench -o json printed: an array or lines of objects, numbers as numbers or
/// text, unknown keys and other output around it ignored. Errors: no result in it.
Result<BaselineRecord> read_llama_bench(const std::string& output);

nlohmann::ordered_json to_json(const BaselineRecord& record);
std::optional<BaselineRecord> baseline_from_json(const nlohmann::ordered_json& json);

/// The newest record in `folder` of the same host, model and device from before `record`'s date.
std::optional<BaselineRecord> previous_baseline(const std::string& folder,
                                                const BaselineRecord& record);

/// "prefill 30.1 -> 33.0 tokens/s, +9.6 %: 6.1 % beyond the noise of 3.5 %". Noise is two standard
/// deviations of the difference of two single runs.
std::string compare(const char* name, const Rate& before, const Rate& now);

}  // namespace rosenblatt::cli
