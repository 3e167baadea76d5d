// SPDX-License-Identifier: MIT
#include "ggml/cpu_rates.hpp"

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "base/log.hpp"
#include "ggml/cache_file.hpp"
#include "ggml/mul_mat.hpp"

namespace rosenblatt::ggml {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

double CpuRate::ns(const MulMatShape& shape) const {
    const double weights = static_cast<double>(shape.k) * static_cast<double>(shape.n) *
                           static_cast<double>(shape.matrices);
    return weights * (first_ns + more_ns * static_cast<double>(shape.m - 1));
}

// x86 names its model, Arm the numbers of each kind of core.
std::string cpu_identity() {
    std::ifstream file("/proc/cpuinfo");
    std::set<std::string> models;
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("model name") || line.starts_with("CPU part"))
            models.insert(line.substr(line.find(':') + 1));
    std::string text = std::string("ggml ") + ggml_version() + " " + ggml_commit();
    for (const std::string& model : models) text += "," + model;
    return text;
}

CpuRates::CpuRates(std::string path, std::string identity)
    : path_(std::move(path)), identity_(std::move(identity)) {
    if (!path_.empty()) read();
}

std::optional<CpuRate> CpuRates::find(ggml_type type, int threads) const {
    const auto found = rates_.find({ggml_type_name(type), threads});
    if (found == rates_.end()) return std::nullopt;
    return found->second;
}

void CpuRates::add(ggml_type type, int threads, CpuRate rate) {
    if (!path_.empty()) read();  // another process may have measured other types
    rates_[{ggml_type_name(type), threads}] = rate;
    if (!path_.empty()) write();
}

void CpuRates::read() {
    std::ifstream file(path_);
    const Json json = Json::parse(file, nullptr, false);
    if (!json.is_object() || json.value("machine", "") != identity_ || !json.contains("rates"))
        return;
    for (const Json& row : json["rates"]) {
        if (!row.is_object() || !row.contains("type") || !row["type"].is_string()) continue;
        const auto number = [&](const char* key) {
            return row.contains(key) && row[key].is_number() ? row[key].get<double>() : 0;
        };
        const CpuRate rate{number("first_ns"), number("more_ns")};
        const int threads = static_cast<int>(number("threads"));
        if (rate.first_ns <= 0 || rate.more_ns < 0 || threads < 1) continue;
        rates_.try_emplace({row["type"].get<std::string>(), threads}, rate);
    }
}

void CpuRates::write() const {
    Json rows = Json::array();
    for (const auto& [key, rate] : rates_)
        rows.push_back({{"type", key.first},
                        {"threads", key.second},
                        {"first_ns", rate.first_ns},
                        {"more_ns", rate.more_ns}});
    const std::string text = Json{{"machine", identity_}, {"rates", rows}}.dump(2) + "\n";
    const std::array pieces{std::as_bytes(std::span(text))};
    if (const auto written = write_whole(path_, pieces); !written)
        log::debug(written.error().message);
}

}  // namespace rosenblatt::ggml
