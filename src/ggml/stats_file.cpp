// SPDX-License-Identifier: MIT
#include "ggml/stats_file.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "ggml/host_memory.hpp"

namespace rosenblatt::ggml {
namespace {

using Json = nlohmann::ordered_json;

Json refusals(const Counters& counters) {
    Json json = Json::object();
    for (size_t i = 0; i < k_refusals; ++i)
        if (const uint64_t count = counters.refused[i]) json[name(static_cast<Refusal>(i))] = count;
    return json;
}

double passes_per_layer(const Counters& counters) {
    const uint64_t layers = std::max<uint64_t>(counters.layers, 1) * counters.npu_graphs;
    return layers ? static_cast<double>(counters.passes) / static_cast<double>(layers) : 0;
}

}  // namespace

std::string stats_json(const Options& options, const Npu* npu, const Counters& counters) {
    const matmul::Stats engine = npu ? npu->stats() : matmul::Stats{};
    Json json;
    json["device"] = npu ? npu->path() : "";
    json["emulated"] = npu && npu->emulated();
    json["pipeline"] = name(options.pipeline);
    json["mul_mat"] = {{"npu", counters.npu_nodes.load()}, {"cpu_refused", refusals(counters)}};
    json["macs"] = counters.npu_macs.load();
    json["macs_eligible"] = counters.eligible_macs.load();
    json["tasks"] = engine.tasks;
    json["jobs"] = engine.jobs;
    json["submits"] = engine.submits;
    json["splits"] = engine.splits;
    json["dma_bytes"] = engine.dma_bytes;
    json["weight_bytes_packed"] = engine.weight_bytes_packed;
    json["pinned_bytes"] = counters.pinned_bytes.load();
    json["cpu_shadow_bytes"] = counters.shadow_bytes.load();
    json["rss_bytes"] = peak_resident_bytes();
    json["packed_cache"] = {{"loaded", counters.packed_loaded.load()},
                            {"made", counters.packed_made.load()}};
    json["checksum"] = {{"checked", engine.checksum.checked},
                        {"mismatch", engine.checksum.mismatch},
                        {"retried", engine.checksum.retried},
                        {"cpu_fallback", engine.checksum.cpu_fallback}};
    json["lanes_taken_out"] = engine.lanes_taken_out;
    json["host_ms"] = {{"pack", engine.host_ms.pack},
                       {"wait", engine.host_ms.wait},
                       {"unpack", engine.host_ms.unpack},
                       {"cpu_ops", static_cast<double>(counters.cpu_ops_us) / 1000}};
    json["host_bytes"] = engine.host_bytes;
    json["host_passes_per_layer"] = passes_per_layer(counters);
    json["npu_ms_modelled"] = engine.npu_ms_modelled;
    json["clock_mhz"] = npu ? npu->clock_mhz() : 0.0;
    json["clock_source"] = options.clock_mhz ? "set" : "default";
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace rosenblatt::ggml
