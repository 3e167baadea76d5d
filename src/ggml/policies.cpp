// SPDX-License-Identifier: MIT
#include "ggml/policies.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "ggml/log_sink.hpp"

namespace rosenblatt::ggml {

namespace {

namespace fs = std::filesystem;

// The KV cache is a leaf as well.
bool is_weight(const ggml_tensor& leaf) {
    return leaf.op == GGML_OP_NONE &&
           (!leaf.buffer || leaf.buffer->usage == GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
}

}  // namespace

bool Policies::read(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file || text.str().empty()) {  // a folder reads as empty
        warn_once("the policy " + path + " cannot be read or is empty; it is left out.");
        return false;
    }
    const auto policy = quant::Policy::parse(text.str());
    if (!policy) {
        warn_once("the policy " + path + " is left out: " + policy.error().message + ".");
        return false;
    }
    policy_.merge(*policy);
    log::debug("the policy " + path + " names " + std::to_string(policy->size()) + " tensors.");
    return true;
}

void Policies::load(const Options& options) {
    if (options.policy == "off") return;
    if (!options.policy.empty()) {
        named_file_ = options.policy;
        watching_ = read(named_file_);
        return;
    }
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
    if (!leaf.data || (policy_.size() == 0 && !watching_)) return std::nullopt;
    const bool named = policy_.names(leaf.name);
    if (watching_ && is_weight(leaf)) note(leaf.name, named);
    if (!named) return std::nullopt;
    std::vector<uint64_t> dims;
    for (int d = 0; d < std::max(ggml_n_dims(&leaf), 1); ++d)
        dims.push_back(static_cast<uint64_t>(leaf.ne[d]));
    const size_t head = std::min(ggml_nbytes(&leaf), quant::k_fingerprint_bytes);
    const auto* data = static_cast<const std::byte*>(leaf.data);
    const auto pipeline = policy_.find(
        leaf.name,
        quant::tensor_fingerprint(static_cast<uint32_t>(leaf.type), dims, {data, head}));
    if (pipeline) watching_ = false;
    return pipeline;
}

void Policies::note(const std::string& weight, bool named) const {
    const std::lock_guard lock(asked_.mutex);
    asked_.any = true;
    if (asked_.weights.emplace(weight, named).second) asked_.new_ones = true;
}

void Policies::report_misfit() const {
    if (!watching_) return;
    const std::lock_guard lock(asked_.mutex);
    const bool pass_is_over = std::exchange(asked_.any, false) && !asked_.new_ones;
    asked_.new_ones = false;
    if (!pass_is_over || !watching_.exchange(false)) return;
    const auto named = std::count_if(asked_.weights.begin(), asked_.weights.end(),
                                     [](const auto& weight) { return weight.second; });
    warn_once("the policy " + named_file_ + " fits none of the " +
              std::to_string(asked_.weights.size()) + " weights that were multiplied (" +
              std::to_string(named) + (named == 1 ? " bears" : " bear") +
              " a name of it, with another type, shape or contents) and changes nothing; "
              "rosenblatt calibrate makes one for this model.");
}

}  // namespace rosenblatt::ggml
