// SPDX-License-Identifier: MIT
// Reads llama-bench, writes and reads records, and says what a difference is worth.
#include "cli/baseline_record.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "cli/input.hpp"

namespace rosenblatt::cli {
namespace {

using Json = nlohmann::ordered_json;

double number(const Json& object, const char* key) {
    if (!object.contains(key)) return 0;
    const Json& value = object[key];
    if (value.is_number()) return value.get<double>();
    return value.is_string() ? std::strtod(value.get<std::string>().c_str(), nullptr) : 0;
}

int whole(const Json& object, const char* key) {
    return static_cast<int>(number(object, key));
}

std::string text(const Json& object, const char* key) {
    return object.contains(key) && object[key].is_string() ? object[key].get<std::string>() : "";
}

/// The results in `output`, whether one array or an object per line.
std::vector<Json> results_in(const std::string& output) {
    std::vector<Json> found;
    const size_t first = output.find('['), last = output.rfind(']');
    if (first != std::string::npos && last != std::string::npos && first < last) {
        const Json array =
            Json::parse(output.substr(first, last - first + 1), nullptr, /*exceptions*/ false);
        if (array.is_array())
            for (const Json& entry : array)
                if (entry.is_object()) found.push_back(entry);
    }
    if (!found.empty()) return found;
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);) {
        const Json entry = Json::parse(line, nullptr, false);
        if (entry.is_object()) found.push_back(entry);
    }
    return found;
}

Rate rate_of(const Json& entry, int tokens) {
    Rate rate{tokens, number(entry, "avg_ts"), number(entry, "stddev_ts"), 1};
    if (entry.contains("samples_ts") && entry["samples_ts"].is_array())
        rate.repetitions = static_cast<int>(entry["samples_ts"].size());
    return rate;
}

Json to_json(const std::optional<Rate>& rate) {
    if (!rate) return nullptr;
    return {{"tokens", rate->tokens},
            {"tokens_per_second", rate->per_second},
            {"standard_deviation", rate->deviation},
            {"repetitions", rate->repetitions}};
}

std::optional<Rate> rate_from_json(const Json& json, const char* key) {
    if (!json.contains(key) || !json[key].is_object()) return std::nullopt;
    const Json& rate = json[key];
    return Rate{whole(rate, "tokens"), number(rate, "tokens_per_second"),
                number(rate, "standard_deviation"), whole(rate, "repetitions")};
}

}  // namespace

std::string BaselineRecord::file_name() const {
    return fmt::format("{}_{}_{}_{}_baseline.json", date, host, model, device());
}

Result<BaselineRecord> read_llama_bench(const std::string& output) {
    BaselineRecord record;
    for (const Json& entry : results_in(output)) {
        const int prompt = whole(entry, "n_prompt"), generate = whole(entry, "n_gen");
        if (!(number(entry, "avg_ts") > 0) || (prompt > 0) == (generate > 0)) continue;
        (prompt > 0 ? record.prefill : record.decode) = rate_of(entry, prompt + generate);
        record.cpu = text(entry, "cpu_info");
        record.threads = whole(entry, "n_threads");
        record.llama = text(entry, "build_commit");
        record.npu = text(entry, "backends").find("ROCKET") != std::string::npos;
        record.emulated = text(entry, "gpu_info").find("emulated") != std::string::npos;
    }
    if (record.prefill || record.decode) return record;
    return Error{0, "llama-bench printed no result with n_prompt or n_gen and avg_ts"};
}

Json to_json(const BaselineRecord& r) {
    return {{"date", r.date},
            {"host", r.host},
            {"model", r.model},
            {"device", r.device()},
            {"emulated", r.emulated},
            {"cpu", r.cpu},
            {"kernel", r.kernel},
            {"llama_cpp", r.llama},
            {"threads", r.threads},
            {"cores", r.cores},
            {"prefill", to_json(r.prefill)},
            {"decode", to_json(r.decode)}};
}

std::optional<BaselineRecord> baseline_from_json(const Json& json) {
    if (!json.is_object() || text(json, "host").empty() || text(json, "device").empty())
        return std::nullopt;
    BaselineRecord r{.date = text(json, "date"),
                     .host = text(json, "host"),
                     .model = text(json, "model"),
                     .npu = text(json, "device") == "npu",
                     .emulated = json.contains("emulated") && json["emulated"] == true,
                     .cpu = text(json, "cpu"),
                     .kernel = text(json, "kernel"),
                     .llama = text(json, "llama_cpp"),
                     .threads = whole(json, "threads"),
                     .cores = text(json, "cores")};
    r.prefill = rate_from_json(json, "prefill");
    r.decode = rate_from_json(json, "decode");
    if (!r.prefill && !r.decode) return std::nullopt;
    return r;
}

std::optional<BaselineRecord> previous_baseline(const std::string& folder,
                                                const BaselineRecord& record) {
    std::optional<BaselineRecord> newest;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
        if (!entry.path().string().ends_with("_baseline.json")) continue;
        const auto bytes = read_input(entry.path());
        if (!bytes) continue;
        const auto other = baseline_from_json(Json::parse(*bytes, nullptr, false));
        if (!other || other->host != record.host || other->model != record.model ||
            other->npu != record.npu || other->emulated != record.emulated ||
            other->date >= record.date)
            continue;
        if (!newest || newest->date < other->date) newest = other;
    }
    return newest;
}

std::string compare(const char* name, const Rate& before, const Rate& now) {
    if (before.tokens != now.tokens)
        return fmt::format("{}: measured with {} tokens now and {} then, not comparable", name,
                           now.tokens, before.tokens);
    const double change = 100 * (now.per_second / before.per_second - 1);
    const double noise = 100 * 2 * std::hypot(before.deviation, now.deviation) / before.per_second;
    const std::string head = fmt::format("{} {:.2f} -> {:.2f} tokens/s, {:+.1f} %", name,
                                         before.per_second, now.per_second, change);
    if (std::abs(change) <= noise)
        return fmt::format("{}: within the noise of {:.1f} %", head, noise);
    return fmt::format("{}: {:.1f} % beyond the noise of {:.1f} %", head, std::abs(change) - noise,
                       noise);
}

}  // namespace rosenblatt::cli
