// SPDX-License-Identifier: MIT
#include "ggml/policies.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/log.hpp"
#include "ggml/log_sink.hpp"

namespace rosenblatt::ggml {

namespace fs = std::filesystem;

void Policies::read(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file || text.str().empty()) {  // a folder reads as empty
        warn_once("the policy " + path + " cannot be read or is empty; it is left out.");
        return;
    }
    const auto policy = quant::Policy::parse(text.str());
    if (!policy) {
        warn_once("the policy " + path + " is left out: " + policy.error().message + ".");
        return;
    }
    policy_.merge(*policy);
    log::debug("the policy " + path + " names " + std::to_string(policy->size()) + " tensors.");
}

void Policies::load(const Options& options) {
    if (options.policy == "off") return;
    if (!options.policy.empty()) return read(options.policy);
    if (options.pipeline_set || options.cache_dir.empty()) return;
    std::error_code ignored;
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(options.cache_dir + "/policy", ignored))
        if (entry.path().extension() == ".policy") files.push_back(entry.path().string());
    std::sort(files.begin(), files.end());
    for (const std::string& file : files) read(file);
}

std::optional<Pipeline> Policies::find(const ggml_tensor& weight) const {
    const ggml_tensor& leaf = weight.view_src ? *weight.view_src : weight;
    if (policy_.size() == 0 || !leaf.data || !policy_.names(leaf.name)) return std::nullopt;
    std::vector<uint64_t> dims;
    for (int d = 0; d < std::max(ggml_n_dims(&leaf), 1); ++d)
        dims.push_back(static_cast<uint64_t>(leaf.ne[d]));
    const size_t head = std::min(ggml_nbytes(&leaf), quant::k_fingerprint_bytes);
    const auto* data = static_cast<const std::byte*>(leaf.data);
    return policy_.find(leaf.name, quant::tensor_fingerprint(static_cast<uint32_t>(leaf.type), dims,
                                                             {data, head}));
}

}  // namespace rosenblatt::ggml
